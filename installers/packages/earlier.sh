# shellcheck shell=sh disable=SC2034,SC2154
# The pieces of the version before. A program loads most of its code when it is first needed, and dpkg removes at unpacking what the new
# version has not: a daemon that runs on until it is restarted would lack it then. Diverted to a name that nothing has, a file is out of
# dpkg's reach; after the restart it goes. rpm removes them behind that by itself.

# Those of this role that are kept, a line each.
kept_pieces() {
  command -v dpkg-divert >/dev/null 2>&1 || return 0
  for prefix in $program_prefixes; do
    LC_ALL=C dpkg-divert --list "/usr/lib/banshare/$prefix-*"
  done | sed -n 's/^diversion of \(.*\) to .* by banshare-earlier$/\1/p'
}

keep_earlier() {
  command -v dpkg-divert >/dev/null 2>&1 || return 0
  # A version that was unpacked in between may have been another.
  for piece in $(kept_pieces); do
    ! is_of_this "$piece" || divert --remove "$piece"
  done
  for prefix in $program_prefixes; do
    for piece in "/usr/lib/banshare/$prefix"-*; do
      [ ! -f "$piece" ] || is_of_this "$piece" || divert --divert "$piece.earlier" --add "$piece"
    done
  done
}

is_of_this() {
  case " $program_files " in
  *" ${1##*/} "*) return 0 ;;
  *) return 1 ;;
  esac
}

divert() {
  dpkg-divert --quiet --package banshare-earlier --no-rename "$@"
}

# What dpkg knows again, as where the version before stays.
give_back_earlier() {
  for piece in $(kept_pieces); do divert --remove "$piece"; done
}

drop_earlier() {
  for piece in $(kept_pieces); do
    divert --remove "$piece"
    rm -f "$piece"
  done
}
