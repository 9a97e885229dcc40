#!/bin/sh
# The gate: format, lint, types, dead code, shell, pages of the manual and systemd units. Runs everything, then fails if anything did. `make check` calls it
# after the locked dependencies are installed, with node and their programs in PATH.
set -u
cd "$(dirname "$0")/../.." || exit 1

failed=''

# step NAME COMMAND...: what a tool says is shown only where it has something to say.
step() {
  name=$1
  shift
  code=0
  "$@" || code=$?
  case $code in
  0) echo "ok      $name" ;;
  # It has said that it was skipped, and why.
  77) ;;
  *)
    echo "FAILED  $name" >&2
    failed="$failed $name"
    ;;
  esac
}

# Tracked and new files whose first line names a shell; paths of the repository hold no newline.
shell_files() {
  git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
    test -f "$file" || continue
    case $file in
      *.sh) printf '%s\n' "$file" ;;
      *) LC_ALL=C head -n 1 "$file" | grep -aqE '^#! *(/usr)?/bin/(env +)?(ba|da|k)?sh( |$)' && printf '%s\n' "$file" ;;
    esac
  done
}

# Only what has changed since the last run is read again.
step prettier prettier --check --cache --cache-strategy=content --cache-location=build/prettier.json --log-level warn .
step oxlint oxlint --type-aware --deny-warnings --quiet
for project in packages/*/tsconfig.json packages/*/test/tsconfig.json scripts/tsconfig.json test/tsconfig.json; do
  if test -f "$project"; then step "tsc $project" tsc -p "$project"; fi
done
step knip knip --cache --cache-location build/knip --no-progress --no-config-hints
if command -v shellcheck >/dev/null; then
  # shellcheck disable=SC2046 # no path of the repository holds a blank
  step shellcheck shellcheck --external-sources $(shell_files)
else
  echo 'SKIPPED shellcheck: it is not installed (Debian and Ubuntu: apt-get install shellcheck)' >&2
fi
step man sh scripts/checks/check-man.sh
step units sh scripts/checks/check-units.sh installers/systemd

test -z "$failed" || { echo "make check: failed:$failed" >&2; exit 1; }
