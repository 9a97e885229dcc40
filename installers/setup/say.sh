# shellcheck shell=sh disable=SC2034,SC2154
# What the installer tells: as it goes, as its last lines, and when it stops.

say() {
  printf '%s\n' "$*" || :
}

warn() {
  printf '%s\n' "$*" >&2 || :
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
  # It may hold words of other programs: none of them steers the terminal.
  LC_ALL=C tr -d '\000-\010\013-\037\177' <"$stage/later" | sed 's/^/  /' || :
}
