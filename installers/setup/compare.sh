# shellcheck shell=sh disable=SC2154
# What differs from what is installed.

# Makes of what was put two lists: of what differs from what is there, and of the rest, whose mode and owner are put right.
sort_out() {
  to_lay='' to_keep=''
  take_sums
  # shellcheck disable=SC2086 # two words for each file
  set -- $sums
  for each in $to_put; do
    path=$root${each##*,} same=no
    case " $summed " in
    *" $each "*)
      [ "$1" != "$2" ] || same=yes
      shift 2
      ;;
    *) ! [ -e "$path" ] || ! cmp -s "$stage/new/${each%%,*}" "$path" || same=yes ;;
    esac
    if [ "$same" = yes ]; then
      to_keep="$to_keep $each"
    else
      to_lay="$to_lay $each"
      printf '%s\n' "${each##*,}" >>"$stage/$set_name.plan"
    fi
  done
}

# Sets $sums to the sha256 of each new file and of the one that is there, of all that are $summed: two processes in the
# place of a cmp for each pair, where there is a digest at hand. The runtime itself is faster read than summed.
take_sums() {
  summed='' sums=''
  [ -n "${digest-}" ] || return 0
  set --
  for each in $to_put; do
    if [ "${each%%,*}" = lib/node ] || ! [ -f "$root${each##*,}" ]; then continue; fi
    summed="$summed $each"
    set -- "$@" "$stage/new/${each%%,*}" "$root${each##*,}"
  done
  if [ $# -gt 6 ]; then
    files=$#
    # A name with odd letters has a backslash before its sum. One that cannot be read has no line, so that all are compared.
    sums=$($digest "$@" 2>/dev/null | awk '{ sub(/^\\/, ""); print $1 }') || sums=''
    # shellcheck disable=SC2086
    set -- $sums
    [ $# != "$files" ] || return 0
  fi
  summed='' sums=''
}
