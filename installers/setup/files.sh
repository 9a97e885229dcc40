# shellcheck shell=sh disable=SC2015,SC2034,SC2154
# Files change in steps that can be taken back. `begin` opens a set of changes, `put` adds a file to it that differs from
# what is installed. `swap` first copies all of them beside their targets, where a full disk does no harm, and then
# renames each into place; a program that starts in between finds a whole file under every name. The previous files stay
# as *.banshare-old until `settle`, and `undo` puts them back.

begin() {
  set_dir=$stage/$1
  mkdir "$set_dir"
  : >"$set_dir/plan"
  : >"$set_dir/done"
}

changed() {
  [ -s "$stage/$1/plan" ]
}

# put MODE OWNER SOURCE TARGET: SOURCE below the unpacked payload, TARGET as on the machine.
put() {
  if cmp -s "$stage/new/$3" "$root$4"; then
    # Copies beside it are of an installer that was killed.
    rm -f "$root$4.banshare-new" "$root$4.banshare-old"
    chmod "$1" "$root$4" && own "$2" "$root$4"
  else
    printf '%s %s %s %s\n' "$1" "$2" "$3" "$4" >>"$set_dir/plan"
  fi
}

own() {
  [ "$live" = no ] || chown "$1" "$2"
}

# SELinux: a file keeps the label of the folder it was made in.
label() {
  [ "$live" = no ] || ! command -v restorecon >/dev/null 2>&1 || restorecon "$1" || :
}

# A folder that everyone may enter, whatever the umask.
folder() {
  [ -d "$root$1" ] || (umask 022 && mkdir -p "$root$1") || die "Cannot make the folder $root$1"
}

# private_folder OWNER PATH
private_folder() {
  folder "${2%/*}"
  [ -d "$root$2" ] || mkdir "$root$2" || die "Cannot make the folder $root$2"
  chmod 0700 "$root$2" && own "$1" "$root$2"
}

swap() {
  while read -r mode owner source target; do
    folder "${target%/*}"
    rm -f "$root$target.banshare-new" "$root$target.banshare-old"
    { ln "$stage/new/$source" "$root$target.banshare-new" 2>/dev/null ||
      cp "$stage/new/$source" "$root$target.banshare-new"; } &&
      chmod "$mode" "$root$target.banshare-new" && own "$owner" "$root$target.banshare-new" ||
      die "Cannot write $root$target; the previous installation is as it was"
  done <"$set_dir/plan"
  while read -r mode owner source target; do
    if [ -e "$root$target" ] || [ -L "$root$target" ]; then
      ln "$root$target" "$root$target.banshare-old" 2>/dev/null || cp -p "$root$target" "$root$target.banshare-old" ||
        die "Cannot keep a copy of $root$target; the previous installation is put back"
    fi
    printf '%s\n' "$target" >>"$set_dir/done"
    mv -f "$root$target.banshare-new" "$root$target" || die "Cannot replace $root$target; the previous installation is put back"
    label "$root$target"
  done <"$set_dir/plan"
}

# Takes a file away so that undo can bring it back.
take_away() {
  [ -e "$root$1" ] || [ -L "$root$1" ] || return 0
  rm -f "$root$1.banshare-old"
  printf '%s\n' "$1" >>"$set_dir/done"
  mv -f "$root$1" "$root$1.banshare-old" || die "Cannot remove $root$1"
}

settle() {
  if [ -f "$stage/$1/laid" ]; then
    settle_generation
    rm -f "$stage/$1/laid"
  fi
  while read -r target; do rm -f "$root$target.banshare-old"; done <"$stage/$1/done"
  : >"$stage/$1/done"
}

undo() {
  if [ -f "$stage/$1/laid" ]; then
    undo_generation
    rm -f "$stage/$1/laid"
  fi
  while read -r target; do
    if cmp -s "$root$target.banshare-old" "$root$target"; then
      # Not replaced yet. Both may be one file, which mv would refuse to rename.
      rm -f "$root$target.banshare-old"
    elif [ -e "$root$target.banshare-old" ] || [ -L "$root$target.banshare-old" ]; then
      mv -f "$root$target.banshare-old" "$root$target" ||
        warn "Cannot put back $root$target: its copy is $root$target.banshare-old"
    else
      rm -f "$root$target"
    fi
  done <"$stage/$1/done"
  : >"$stage/$1/done"
  while read -r mode owner source target; do rm -f "$root$target.banshare-new"; done <"$stage/$1/plan"
}

# The stage lies beside the target, and says who is at work in it.
open_stage() {
  stage=$root/usr/lib/.banshare-install
  folder /usr/lib
  if ! mkdir "$stage" 2>/dev/null; then
    busy=$(cat "$stage/pid" 2>/dev/null) || busy=
    [ -d "$stage" ] || die "Cannot write to $root/usr/lib"
    if [ -n "$busy" ] && kill -0 "$busy" 2>/dev/null; then die "Cannot install: another installer is at work (process $busy)"; fi
    rm -rf "$stage" && mkdir "$stage" || die "Cannot remove $stage, which an earlier installer left"
  fi
  echo $$ >"$stage/pid"
  trap close_stage EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # A reader that goes away must not leave things half done.
  trap : PIPE
}

close_stage() {
  outcome=$?
  trap - EXIT
  for set_dir in "$stage"/*/; do
    [ ! -f "$set_dir/done" ] || { set_dir=${set_dir%/} && undo "${set_dir##*/}"; }
  done
  rm -rf "$stage"
  exit "$outcome"
}
