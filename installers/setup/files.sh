# shellcheck shell=sh disable=SC2015,SC2034,SC2154
# Files change in steps that can be taken back. `begin` opens a set of changes, `put` adds a file to it, and `swap` (see
# swap.sh) brings all of them into place that differ from what is installed. The previous files wait in folders beside
# them, called .banshare-old.SET, until `settle`, and `undo` puts them back.
#
# Each process costs a small machine milliseconds, and there are a hundred files: what the shell can tell by itself starts
# none, and what needs one has it for many files. A list of them is one text of words SOURCE,MODE,OWNER,TARGET, none of
# which has a blank, a star or a comma of its own; $root may have anything.

begin() {
  set_name=$1 to_put=''
  : >"$stage/$1.step"
  : >"$stage/$1.plan"
  : >"$stage/$1.done"
}

# What of a set differed from what was installed, once it was swapped.
changed() {
  [ -s "$stage/$1.plan" ]
}

# put MODE OWNER SOURCE TARGET: SOURCE below the unpacked payload, TARGET as on the machine.
put() {
  to_put="$to_put $3,$1,$2,$4"
}

# own OWNER PATH...
own() {
  [ "$live" = no ] || chown "$@"
}

# label PATH...: with SELinux a file keeps the label of the folder it was made in.
label() {
  [ "$live" = no ] || ! command -v restorecon >/dev/null 2>&1 || restorecon "$@" || :
}

# A folder that everyone may enter, whatever the umask.
folder() {
  [ -d "$root$1" ] || (umask 022 && exec mkdir -p "$root$1") || die "Cannot make the folder $root$1"
}

# private_folder OWNER PATH
private_folder() {
  folder "${2%/*}"
  [ -d "$root$2" ] || mkdir "$root$2" || die "Cannot make the folder $root$2"
  chmod 0700 "$root$2" && own "$1" "$root$2"
}

# Takes a file away so that undo can bring it back.
take_away() {
  [ -e "$root$1" ] || [ -L "$root$1" ] || return 0
  aside=$root${1%/*}/.banshare-old.$set_name
  [ -d "$aside" ] || mkdir "$aside" || die "Cannot remove $root$1"
  printf '%s\n' "$1" >>"$stage/$set_name.done"
  mv -f "$root$1" "$aside/" || die "Cannot remove $root$1"
}

settle() {
  if [ -f "$stage/$1.laid" ]; then
    settle_generation
    rm -f "$stage/$1.laid"
  fi
  folders=''
  while read -r target was; do note_folder "$target"; done <"$stage/$1.done"
  # First, so that nothing of it is undone while it goes.
  : >"$stage/$1.done"
  remove_beside .banshare-new."$1" .banshare-old."$1"
  : >"$stage/$1.step"
}

undo() {
  if [ -f "$stage/$1.laid" ]; then
    undo_generation
    rm -f "$stage/$1.laid"
  fi
  step=''
  read -r step <"$stage/$1.step" || :
  [ -n "$step" ] || [ -s "$stage/$1.done" ] || [ -s "$stage/$1.plan" ] || return 0
  folders=''
  # A file whose previous one is not beside it was not taken away, or is put back already: this may be called again.
  while read -r target was; do
    note_folder "$target"
    previous=$root${target%/*}/.banshare-old.$1/${target##*/}
    if [ "$was" = absent ]; then
      rm -f "$root$target"
    elif still_there "$previous" "$root$target"; then
      rm -f "$previous"
    elif [ -e "$previous" ] || [ -L "$previous" ]; then
      mv -f "$previous" "$root$target" || warn "Cannot put back $root$target: its copy is $previous"
    fi
  done <"$stage/$1.done"
  : >"$stage/$1.done"
  while read -r target; do note_folder "$target"; done <"$stage/$1.plan"
  remove_beside .banshare-new."$1"
  # Before a file is replaced its copy is one too many; later one that is left could not be put back.
  [ "$step" != keeping ] || remove_beside .banshare-old."$1"
  for each in $folders; do
    ! [ -d "$root$each/.banshare-old.$1" ] || rmdir "$root$each/.banshare-old.$1" 2>/dev/null || :
  done
  : >"$stage/$1.step"
}

# still_there PREVIOUS PATH: whether a file was not replaced yet. Both may be one file, which mv would refuse to rename. A
# link may lead elsewhere from the other folder, or nowhere, and none is laid.
still_there() {
  if [ -L "$1" ]; then [ -L "$2" ]; else cmp -s "$1" "$2"; fi
}

# note_folder TARGET: adds its folder to $folders, once.
note_folder() {
  case " $folders " in
  *" ${1%/*} "*) ;;
  *) folders="$folders ${1%/*}" ;;
  esac
}

# remove_beside NAME...: those of these names in the $folders.
remove_beside() {
  names=$*
  set --
  for each in $folders; do
    for name in $names; do
      if [ -e "$root$each/$name" ] || [ -L "$root$each/$name" ]; then set -- "$@" "$root$each/$name"; fi
    done
  done
  [ $# = 0 ] || rm -rf "$@"
}
