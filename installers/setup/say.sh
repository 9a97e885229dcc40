# shellcheck shell=sh disable=SC2034,SC2154
# What the installer tells: as it goes, as its last lines, and when it stops.

# No here-document: for that bash before 5.1 writes a file to /tmp, where a full disk would keep us from saying so.
say() {
  printf '%s\n' "$*" | cleaned || :
}

warn() {
  say "$*" >&2
}

# What is said may hold words of other programs and files, and none of them steers the terminal or hides text on it: control
# characters of both kinds, format characters and bytes that are no letter are left out, as the programs do (oneLine() in
# packages/protocol). First what no UTF-8 has or what stands where none may, then by each first byte what is no letter.
cleaned() {
  LC_ALL=C tr -d '\000-\010\013-\037\177\300\301\365-\377' | LC_ALL=C sed "$(printf '%b' '
    s/^[\0200-\0277]*//; s/\\([\0001-\0177]\\)[\0200-\0277]\\{1,\\}/\\1/g
    s/\\([\0302-\0337][\0200-\0277]\\)[\0200-\0277]\\{1,\\}/\\1/g
    s/\\([\0340-\0357][\0200-\0277]\\{2\\}\\)[\0200-\0277]\\{1,\\}/\\1/g
    s/\\([\0360-\0364][\0200-\0277]\\{3\\}\\)[\0200-\0277]\\{1,\\}/\\1/g
    s/\0302[\0200-\0237\0255]//g; s/\0330[\0200-\0205\0234]//g; s/\0333\0235//g; s/\0334\0217//g
    s/\0340\0242[\0220\0221]//g; s/\0340\0243\0242//g; s/\0341\0240\0216//g
    s/\0342\0200[\0213-\0217\0250-\0256]//g; s/\0342\0201[\0240-\0244\0246-\0257]//g
    s/\0357\0273\0277//g; s/\0357\0277[\0271-\0273]//g; s/\0355[\0240-\0277][\0200-\0277]//g
    s/\0360\0221\0202\0275//g; s/\0360\0221\0203\0215//g; s/\0360\0223\0220[\0260-\0277]//g
    s/\0360\0233\0262[\0240-\0243]//g; s/\0360\0235\0205[\0263-\0272]//g
    s/\0363\0240\0200[\0201\0240-\0277]//g; s/\0363\0240\0201[\0200-\0277]//g')"
}

# Stops; the exit trap puts back what was changed.
die() {
  warn "$*"
  exit 1
}

# Keeps a line for the end, where a person still finds it.
later() {
  printf '%s\n' "$*" >>"$stage/later"
}

say_later() {
  [ -s "$stage/later" ] || return 0
  say ""
  say "Still to do:"
  sed 's/^/  /' "$stage/later" | cleaned || :
}
