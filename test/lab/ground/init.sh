#!/bin/sh
# The first process of a lab host. It is started in namespaces of its own, gives the host a private view of the
# file system and ends when its input closes; with it everything of the host ends: processes, mounts, network.
# Usage: init.sh NAME SECONDS-TO-LIVE [LAYER…]   (a LAYER holds etc, usr and var to put over the machine's)
set -eu
name=$1 time_to_live=$2
shift 2
# shellcheck source=test/lab/ground/as-host.sh
. "$(dirname "$0")/as-host.sh"

# --- files: what the host writes stays in one tmpfs and vanishes with it
mount -t tmpfs -o mode=0755 lab /run
for top in etc usr var tmp; do
  [ -d "/$top" ] || continue
  lower=/$top
  for layer in "$@"; do
    [ ! -d "$layer/$top" ] || lower=$layer/$top:$lower
  done
  mkdir -p "/run/lab/$top/upper" "/run/lab/$top/work"
  chmod --reference="/$top" "/run/lab/$top/upper"
  mount -t overlay lab -o "lowerdir=$lower,upperdir=/run/lab/$top/upper,workdir=/run/lab/$top/work" "/$top"
done
for directory in /var/log /var/lib/fail2ban; do
  mkdir -p "$directory"
  mount -t tmpfs -o mode=0755 lab "$directory"
done
# Last, since the checkout with the tests may lie anywhere: nothing else of the machine can be written.
mount -o remount,bind,ro /
mount -t sysfs sysfs /sys

mkdir -p /run/lock /run/fail2ban
touch /var/log/auth.log /var/log/kern.log /var/log/fail2ban.log
# A layer was made in a host and is clean already; the machine may have jails, or banshare itself.
if [ "$#" -eq 0 ]; then
  rm -rf /etc/fail2ban/jail.d/* /etc/fail2ban/jail.local /etc/fail2ban/fail2ban.local
  rm -f /etc/fail2ban/action.d/banshare* /etc/fail2ban/filter.d/banshare*
  rm -rf /etc/banshare /usr/lib/banshare /usr/bin/banshare-* /var/lib/banshare /var/spool/banshare
fi
become "$name"
stay "$time_to_live"
