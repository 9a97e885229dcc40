# shellcheck shell=sh disable=SC2034,SC2154
# How the files of a set come into place. First all of them are copied beside their targets, into folders called
# .banshare-new.SET, where a full disk does no harm; then what they replace is kept beside it, and each is renamed into
# place, so that a program that starts in between finds a whole file under every name. The folders let one process link
# or rename all files of a folder, in the order in which they were put.

swap() {
  beside_new=.banshare-new.$set_name beside_old=.banshare-old.$set_name
  sort_out
  remove_leftovers
  give_modes '' "$to_keep"
  [ -n "$to_lay" ] || return 0
  echo laying >"$stage/$set_name.step"
  make_folders
  lay_copies
  give_modes "$beside_new/" "$to_lay" || give_each_mode
  keep_previous
  for each in $to_lay; do
    case " $there " in
    *" $each "*) printf '%s\n' "${each##*,}" ;;
    *) printf '%s absent\n' "${each##*,}" ;;
    esac
  done >"$stage/$set_name.done"
  echo replacing >"$stage/$set_name.step"
  by_folder replace "$beside_new/" "$to_lay"
}

# What an installer that was killed left beside the files, one of this version or of an earlier one.
remove_leftovers() {
  folders=''
  for each in $to_put; do note_folder "${each##*,}"; done
  remove_beside "$beside_new" "$beside_old"
  set --
  for each in $to_put; do
    for path in "$root${each##*,}.banshare-new" "$root${each##*,}.banshare-old"; do
      if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
    done
  done
  [ $# = 0 ] || rm -f "$@"
}

# give_modes BESIDE LIST: mode and owner, by one process for all that have the same.
give_modes() {
  beside=$1 words=$2 kinds=''
  for each in $words; do
    kind=${each#*,}
    kind=${kind%,*}
    case " $kinds " in
    *" $kind "*) ;;
    *) kinds="$kinds $kind" ;;
    esac
  done
  for kind in $kinds; do
    set --
    for each in $words; do
      case $each in
      *",$kind,"*) each=${each##*,} && set -- "$@" "$root${each%/*}/$beside${each##*/}" ;;
      esac
    done
    chmod "${kind%,*}" "$@" && own "${kind#*,}" "$@" || return 1
  done
}

# Says which it was that failed.
give_each_mode() {
  for word in $to_lay; do give_modes "$beside_new/" "$word" || cannot_write "${word##*,}"; done
}

cannot_write() {
  die "Cannot write $root$1; the previous installation is as it was"
}

# The folders of the targets, which everyone may enter, and those for the copies.
make_folders() {
  folders=''
  for each in $to_lay; do note_folder "${each##*,}"; done
  set --
  for each in $folders; do set -- "$@" "$root$each/$beside_new"; done
  ! (umask 022 && exec mkdir -p "$@") || return 0
  for each in $to_lay; do
    each=${each##*,}
    folder "${each%/*}"
    [ -d "$root${each%/*}/$beside_new" ] || cannot_write "$each"
  done
}

# Those whose name stays are laid by one process a folder.
lay_copies() {
  last=''
  set --
  for each in $to_lay; do
    to=${each##*,} from=${each%%,*}
    if [ "${from##*/}" != "${to##*/}" ]; then
      lay_one "$stage/new/$from" "$to"
      continue
    fi
    if [ "${to%/*}" != "$last" ]; then
      lay_all "$last" "$@"
      set --
      last=${to%/*}
    fi
    set -- "$@" "$stage/new/$from"
  done
  lay_all "$last" "$@"
}

# lay_all FOLDER FILE...
lay_all() {
  into=$1
  shift
  [ $# != 0 ] && ! ln "$@" "$root$into/$beside_new/" 2>/dev/null || return 0
  for path in "$@"; do lay_one "$path" "$into/${path##*/}"; done
}

# lay_one FILE TARGET: a copy where a link cannot be, as on another file system.
lay_one() {
  copy=$root${2%/*}/$beside_new/${2##*/}
  ! [ -e "$copy" ] || rm -f "$copy"
  ln "$1" "$copy" 2>/dev/null || cp "$1" "$copy" || cannot_write "$2"
}

# Sets $there to those that replace something.
keep_previous() {
  there=''
  for each in $to_lay; do
    if [ -e "$root${each##*,}" ] || [ -L "$root${each##*,}" ]; then there="$there $each"; fi
  done
  [ -n "$there" ] || return 0
  echo keeping >"$stage/$set_name.step"
  folders=''
  for each in $there; do note_folder "${each##*,}"; done
  set --
  for each in $folders; do set -- "$@" "$root$each/$beside_old"; done
  mkdir "$@" || die "Cannot keep copies of the files in$folders; the previous installation is put back"
  by_folder keep '' "$there"
}

# keep FOLDER PATH...
keep() {
  into=$root$1/$beside_old
  shift
  ! ln "$@" "$into/" 2>/dev/null || return 0
  for path in "$@"; do
    rm -f "$into/${path##*/}"
    ln "$path" "$into/${path##*/}" 2>/dev/null || cp -p "$path" "$into/${path##*/}" ||
      die "Cannot keep a copy of $path; the previous installation is put back"
  done
}

# replace FOLDER COPY...
replace() {
  into=$root$1
  shift
  if ! mv -f "$@" "$into/"; then
    # The first that is still where it was laid.
    for path in "$@"; do ! [ -e "$path" ] || break; done
    die "Cannot replace $into/${path##*/}; the previous installation is put back"
  fi
  [ "$live" = yes ] || return 0
  moved=$*
  set --
  for path in $moved; do set -- "$@" "$into/${path##*/}"; done
  label "$@"
}

# by_folder DEED BESIDE LIST: calls DEED FOLDER PATH... for each run of words whose targets are in one folder.
by_folder() {
  deed=$1 beside=$2 words=$3 last=''
  set --
  for each in $words; do
    to=${each##*,}
    if [ "${to%/*}" != "$last" ]; then
      [ $# = 0 ] || "$deed" "$last" "$@"
      set --
      last=${to%/*}
    fi
    set -- "$@" "$root$last/$beside${to##*/}"
  done
  "$deed" "$last" "$@"
}
