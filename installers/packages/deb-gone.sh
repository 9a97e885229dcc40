# shellcheck shell=sh disable=SC2034,SC2154
# What dpkg asks of a package whose files are gone.

postrm() {
  case ${1-} in
  abort-upgrade | abort-install) give_back_earlier ;;
  remove)
    drop_earlier
    ! [ -d /run/systemd/system ] || systemctl --system daemon-reload >/dev/null || :
    after_removal
    ;;
  purge)
    purge_role
    for unit in $units; do rm -f "/var/lib/systemd/timers/stamp-$unit"; done
    if command -v deb-systemd-helper >/dev/null 2>&1; then
      for unit in $units; do
        deb-systemd-helper purge "$unit" >/dev/null || :
        deb-systemd-helper unmask "$unit" >/dev/null || :
      done
    fi
    ;;
  esac
}
