#!/bin/sh
# Boots the machine's own systemd inside a lab host, which has private files already, so that units are really run.
# What a booting systemd would do to the machine behind the host is kept away from it: kernel settings, devices and other
# control groups are out of its reach. Booted to lab.target, every unit that is not asked for is gone: the files are the machine's.
# Usage: boot-systemd.sh GROUP TARGET
set -eu

if [ "$1" != inside ]; then
  # A control group of its own becomes the root of those that systemd sees.
  mkdir -p /run/cgroup
  mount -t cgroup2 none /run/cgroup
  group=/run/cgroup/$1
  mkdir "$group"
  echo $$ >"$group/cgroup.procs"
  exec unshare --pid --mount --cgroup --fork --kill-child --mount-proc sh "$0" inside "$2"
fi

mount --make-rprivate /
mkdir -p /run/dev/pts /run/dev/shm
for device in null zero full random urandom tty; do
  : >"/run/dev/$device"
  mount --bind "/dev/$device" "/run/dev/$device"
done
ln -s pts/ptmx /run/dev/ptmx
mount -t devpts -o newinstance,ptmxmode=0666 none /run/dev/pts
mount --rbind /run/dev /dev
mount -t tmpfs none /dev/shm
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t tmpfs -o mode=0755 none /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup

if [ "$2" = lab.target ]; then
  rm -rf /usr/lib/systemd/system/*.wants /lib/systemd/system/*.wants /etc/systemd/system/*.wants
  rm -rf /usr/lib/systemd/system-generators /usr/lib/systemd/system-environment-generators
  cat >/etc/systemd/system/lab.target <<UNIT
[Unit]
Description=A booted lab host
Wants=systemd-journald.service dbus.socket
After=systemd-journald.service dbus.socket
UNIT
fi
export container=lab
exec /usr/lib/systemd/systemd --system --unit="$2" --log-target=null --show-status=no
