# shellcheck shell=sh disable=SC2034,SC2154
# What rpm asks of a package before it unpacks it: with how many of its versions are there afterwards.

pre() {
  [ "${1:-1}" -le 1 ] || refuse_older
}
