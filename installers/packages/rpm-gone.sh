# shellcheck shell=sh disable=SC2034,SC2154
# What rpm asks of a package whose files are gone.

postun() {
  ! [ -d /run/systemd/system ] || systemctl --system daemon-reload >/dev/null || :
  [ "${1:-0}" -gt 0 ] || after_removal
}
