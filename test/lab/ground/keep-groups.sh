#!/bin/sh
# Runs a command whose processes live in a control group of their own, and removes that group when they are gone: the kernel empties
# the groups of processes that have ended, but leaves them. It outlives Ctrl-C and the death of who started it for just that.
# Usage: keep-groups.sh GROUP COMMAND...
group=$1
shift
trap : HUP INT TERM PIPE
"$@"
code=$?
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
tries=0
while [ -d "$root/$group" ] && [ "$tries" -lt 100 ]; do
  # What has been killed may not be gone yet, and no shell can wait for that.
  find "$root/$group" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
  tries=$((tries + 1))
done
exit "$code"
