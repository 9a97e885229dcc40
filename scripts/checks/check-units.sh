#!/bin/sh
# check-units.sh DIR: systemd reads every unit of DIR without a word of complaint, and the sandboxes of the server and of who sends messages
# leave an exposure below 2.5. Needs no running systemd; exit code 77 says that it was skipped. scripts/checks/check.sh calls it.
set -u

# By systemd's reckoning, times ten; one digit below what is promised.
most=24

if ! systemd-analyze --help 2>/dev/null | grep -q -e --offline; then
  echo "SKIPPED units: systemd-analyze of systemd 250 or later is not installed (Debian and Ubuntu: apt-get install systemd)" >&2
  exit 77
fi
units=${1:?check-units.sh needs the directory of the units}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
# The programs need not be installed for their units to be read.
for unit in "$units"/*.service "$units"/*.socket; do
  sed 's#^\(Exec[A-Za-z]*\)=/usr/\(bin/banshare-\|lib/banshare/\)[a-z-]*#\1=/bin/true#' "$unit" >"$scratch/${unit##*/}" || exit 1
done
# What it ignores it only says: any word about our units is a fault.
said=$(systemd-analyze verify --man=no "$scratch"/*.service "$scratch"/*.socket 2>&1 | grep -F -e "$scratch/" -e banshare-)
if test -n "$said"; then
  printf '%s\n' "$said" | sed "s#$scratch/#$units/#" >&2
  exit 1
fi
for unit in "$units/banshare-server.service" "$units/banshare-outside.service"; do
  rated=$(systemd-analyze security --offline=true --threshold=$most "$unit" 2>&1) || {
    printf '%s\n' "$rated" >&2
    echo "Cannot accept the sandbox of $unit: its exposure must be below 2.5" >&2
    exit 1
  }
done
