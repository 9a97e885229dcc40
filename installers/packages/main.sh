# shellcheck shell=sh disable=SC2034,SC2154
# What a package's scripts call when its files are in place, and before they go. It can be run again by hand.

usage() {
  cat <<USAGE
Usage: setup-$role configure [EARLIER-VERSION]    settles what the package brought, and starts it
       setup-$role remove                         stops it and takes back what it settled
The scripts of the package banshare-$role run it; configure may be run again by hand, as root.
USAGE
}

main() {
  umask 077
  LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
  export LC_ALL PATH
  root='' live=yes hook='' failed=no upgrade=no new_generation=no still_starts='' earlier='' restarted=no
  again="$library/setup-$role configure"
  case ${1-} in
  configure | remove) [ "$(id -u)" = 0 ] || die "Cannot change this machine: run this as root" ;;
  --help | -h)
    usage
    exit 0
    ;;
  *)
    usage >&2
    exit 64
    ;;
  esac
  open_stage
  if [ -d "/usr/share/banshare-$role" ]; then cp -R "/usr/share/banshare-$role" "$stage/new"; else mkdir "$stage/new"; fi
  if [ "$1" = remove ]; then
    ! command -v deb-systemd-invoke >/dev/null 2>&1 || act=deb-systemd-invoke
    remove_role
    remove_types
  else
    [ -z "${2-}" ] || upgrade=yes
    [ -z "${2-}" ] || [ "$2" = "$package_version" ] || ! command -v apt-get >/dev/null 2>&1 || earlier="apt-get install banshare-$role=$2"
    configure_role
  fi
  say_later
}

# What an installer or the version before laid that this one has not, once nothing runs that may still need it.
sweep_earlier() {
  [ "$restarted" = yes ] || ! still_runs || return 0
  drop_earlier
  sweep_programs
  rm -f "$library/LICENCES"
  # An installer's link; the package's own way to be on made another or the same.
  [ "$role" != server ] || rm -f /usr/lib/tmpfiles.d/banshare.conf
}
