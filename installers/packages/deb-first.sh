# shellcheck shell=sh disable=SC2034,SC2154
# What dpkg asks of a package before it unpacks it.

preinst() {
  case ${1-} in
  upgrade)
    refuse_older
    keep_earlier
    ;;
  esac
}
