# shellcheck shell=sh disable=SC2034,SC2154
# What dpkg asks of a package, by the names of its scripts.

postinst() {
  case ${1-} in
  configure | abort-remove | abort-deconfigure) "/usr/lib/banshare/setup-$role" configure "${2-}" ;;
  esac
}

prerm() {
  case ${1-} in
  remove) "/usr/lib/banshare/setup-$role" remove ;;
  esac
}
