# shellcheck shell=sh disable=SC2034,SC2154
# The order of an installation. Everything that can refuse does so before the first change.

main() {
  umask 077
  LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
  export LC_ALL PATH
  case $0 in
  -*) self=./$0 ;;
  *) self=$0 ;;
  esac
  failed=no upgrade=no new_generation=no still_starts=''
  read_options "$@"
  refuse_package
  if [ "$task" = uninstall ]; then
    uninstall
  else
    check_machine
    verify
    check_space
    install
  fi
  say_later
  [ "$failed" = no ]
}

# Two who lay the same files would undo each other's work.
refuse_package() {
  [ "$live" = yes ] || return 0
  for path in "/usr/bin/banshare-$role" /usr/lib/banshare/node; do
    if dpkg-query -S "$path" >/dev/null 2>&1 || rpm -qf "$path" >/dev/null 2>&1; then
      die "Cannot go on: $path belongs to a package here, and packages bring its upgrades; nothing was changed. To go back to installers remove
the package banshare-runtime first, and with it what needs it: keys, state and configuration stay"
    fi
  done
}

install() {
  [ ! -e "$root/usr/bin/banshare-$role" ] || upgrade=yes
  open_stage
  unpack
  folder /etc/banshare
  folder /var/lib/banshare
  install_role
  say "banshare-$role $version of the generation $generation is installed${root:+ below $root}"
}

uninstall() {
  open_stage
  mkdir "$stage/new"
  uninstall_role
  if [ "$purge" = yes ]; then
    rmdir "$root/etc/banshare" "$root/var/lib/banshare" "$root/run/banshare" 2>/dev/null || :
  fi
  say "banshare-$role is removed${root:+ below $root}"
}
