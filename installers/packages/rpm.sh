# shellcheck shell=sh disable=SC2034,SC2154
# What rpm asks of a package: with how many of its versions are there afterwards.

post() {
  if [ "${1:-1}" -gt 1 ]; then set -- earlier; else set -- ''; fi
  "/usr/lib/banshare/setup-$role" configure "$1"
}

preun() {
  [ "${1:-0}" -gt 0 ] || "/usr/lib/banshare/setup-$role" remove
}
