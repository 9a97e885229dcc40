# shellcheck shell=sh
# What both first processes of a lab host do with the files that say who it is, and how they end. Read by init.sh and roots/init-root.sh.

# become NAME: the host's name, and an identity that is the same each time.
become() {
  rm -f /etc/resolv.conf
  : >/etc/resolv.conf
  printf '127.0.0.1 localhost\n::1 localhost\n' >/etc/hosts
  printf '%s\n' "$1" >/etc/hostname
  printf '%s' "lab $1" | md5sum | cut -c 1-32 >/etc/machine-id
  hostname "$1"
}

# stay SECONDS: until whoever started this host lets go of the other end of the input, to which he writes nothing.
stay() {
  echo mounted
  timeout "$1" cat >/dev/null || :
}
