#!/bin/sh
# The first process of a lab host that has a whole system of its own: another distribution, or another release, in the place of the
# machine's files. As init.sh, it ends when its input closes, and with it everything of the host.
# Usage: init-root.sh NAME SECONDS-TO-LIVE ROOT   (the ROOT is a tar file)
set -eu
name=$1 time_to_live=$2 root=$3
# shellcheck source=test/lab/ground/as-host.sh
. "$(dirname "$0")/../as-host.sh"

mount -t tmpfs -o mode=0755 lab /mnt
tar -xf "$root" -C /mnt --numeric-owner --exclude='./dev/*'
cd /mnt
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs -o mode=0755 lab run
mount -t tmpfs -o mode=1777 lab tmp
mount -t tmpfs -o mode=0755 lab dev
mkdir dev/pts dev/shm
for device in null zero full random urandom tty; do
  : >"dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=0666 lab dev/pts
mount -t tmpfs -o mode=1777 lab dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for number in 0 1 2; do ln -s "/proc/self/fd/$number" "dev/$(echo stdin stdout stderr | cut -d ' ' -f $((number + 1)))"; done

mkdir -p .machine
pivot_root . .machine
cd /
umount -l /.machine
rmdir /.machine

mkdir -p /run/lock
rm -f /usr/sbin/policy-rc.d
become "$name"
stay "$time_to_live"
