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
