# shellcheck shell=sh disable=SC2034,SC2154
# What psad has of the reporter when the client goes.

psad_names_reporter() {
  grep -Eqs '^[[:space:]]*EXTERNAL_BLOCK_SCRIPT[[:space:]].*banshare-report' "$root/etc/psad/psad.conf"
}

# A missing script makes psad multiply itself at each scan: while psad.conf names it, one stays that does nothing.
idle_reporter() {
  printf '#!/bin/sh\n# banshare was removed; psad.conf still names this script, and psad needs it to exist.\nexit 0\n'
}
