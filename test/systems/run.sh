#!/bin/sh
# What `make systems` runs: each supported system, then a table of what passed, and a look at what is left. As root it goes on in
# namespaces of its own for processes and mounts, so that what is left there is left by this run, and ends with it.
# Usage: run.sh NODE [FILE...]
set -u
if [ "$1" != inside ]; then
  if [ "$(id -u)" = 0 ]; then exec unshare --mount --pid --fork --kill-child --mount-proc sh "$0" inside "$@"; fi
  set -- inside "$@"
fi
node=$2
shift 2
cd "$(dirname "$0")/../.." || exit 1

# By it the control groups of this run are known.
BANSHARE_LAB_RUN=$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
export BANSHARE_LAB_RUN BANSHARE_SYSTEMS=all
# What the machine runs beside its own kind of programs.
formats() { find /proc/sys/fs/binfmt_misc -mindepth 1; }

scratch=$(mktemp -d) || exit 1
cat /proc/mounts >"$scratch/mounts"
formats >"$scratch/binfmt"
# Ctrl-C ends the tests, and what they have begun ends by itself.
trap : INT TERM
code=0
"$node" --test --test-concurrency=1 --test-reporter=spec --test-reporter-destination=stdout \
  --test-reporter=./test/systems/table.ts --test-reporter-destination=stdout "${@:-test/systems/*.test.ts}" || code=$?

# What is left of processes, mounts and control groups, as a line each.
left() {
  [ "$$" != 1 ] || ps -eo stat=,pid=,args= | awk '$1 !~ /^Z/ && $2 != 1 && $3 !~ /^(ps|awk|sh)$/ { print "process " $0 }'
  diff "$scratch/mounts" /proc/mounts | sed -n 's/^> /mount /p'
  formats | diff "$scratch/binfmt" - | sed -n 's/^> /binfmt /p'
  root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
  find "$root" -maxdepth 1 -name "banshare-lab-$BANSHARE_LAB_RUN-*" 2>/dev/null
}
# After Ctrl-C those that remove control groups are at work yet.
tries=0
while [ -n "$(left)" ] && [ "$tries" -lt 50 ]; do
  sleep 0.2
  tries=$((tries + 1))
done
left >"$scratch/left"
if [ -s "$scratch/left" ]; then
  echo 'Left behind, which is a fault of the tests:' >&2
  cat "$scratch/left" >&2
  code=1
else
  echo 'Nothing is left of it but build/systems: no process, mount, namespace, binfmt or control group.'
fi
rm -rf "$scratch"
exit "$code"
