#!/bin/sh
# check-man.sh: mandoc has nothing to say about the pages of the manual, style included. Exit code 77 says that it was skipped.
# scripts/checks/check.sh calls it, with node in PATH.
set -u
cd "$(dirname "$0")/../.." || exit 1

if ! command -v mandoc >/dev/null; then
  echo "SKIPPED man: mandoc is not installed (Debian and Ubuntu: apt-get install mandoc)" >&2
  exit 77
fi
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
node scripts/manual/print-pages.ts "$scratch" || exit 1
# All in one folder, where mandoc finds the pages that others name.
cd "$scratch" && mandoc -T lint ./*.[0-9] >&2
