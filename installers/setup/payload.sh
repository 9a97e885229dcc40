# shellcheck shell=sh disable=SC2015,SC2034,SC2154
# The payload behind this script: one gzip tar for all machines, one for each architecture. $parts has a line
# "NAME OFFSET BYTES SHA256" for each. A slim installer lacks the latter: the runtime it was made with has to be here
# already. $runtimes has a line "ARCHITECTURE FILE SHA256" for each of its files.

# Sets $offset, $bytes and $sum to those of a part.
find_part() {
  name=$1
  # shellcheck disable=SC2086 # four words a line, none of them with a blank or a star
  set -- $parts
  while [ $# != 0 ]; do
    offset=$2 bytes=$3 sum=$4
    [ "$1" != "$name" ] || return 0
    shift 4
  done
  return 1
}

architectures() {
  echo "$runtimes" | awk '$2 == "node" { printf "%s%s", comma, $1; comma = " and " }'
}

# Sets $sum to the sha256 of a file of this architecture's runtime.
find_runtime() {
  name=$1
  # shellcheck disable=SC2086
  set -- $runtimes
  while [ $# != 0 ]; do
    sum=$3
    [ "$1/$2" != "$arch/$name" ] || return 0
    shift 3
  done
  return 1
}

brings_runtime() {
  find_part "$arch"
}

# The bytes of the part that was found.
part_bytes() {
  tail -c "+$((offset + 1))" "$self" | head -c "$bytes"
}

find_digest() {
  if command -v sha256sum >/dev/null 2>&1; then
    digest=sha256sum
  elif command -v busybox >/dev/null 2>&1 && busybox sha256sum /dev/null >/dev/null 2>&1; then
    digest="busybox sha256sum"
  elif command -v openssl >/dev/null 2>&1; then
    digest="openssl dgst -sha256 -r"
  else
    die "Cannot check this installer: neither sha256sum nor busybox nor openssl is here; install one of them"
  fi
}

verify() {
  [ -f "$self" ] && [ -r "$self" ] || die "Cannot read myself: save the installer as a file and run: sh $role-install.sh"
  find_digest
  for part in common "$arch"; do
    find_part "$part" || continue
    # shellcheck disable=SC2086 # a command and its words
    found=$(part_bytes | $digest) || found=unreadable
    [ "${found%% *}" = "$sum" ] ||
      die "Cannot install: this installer is damaged (its part $part has the sha256 ${found%% *}, $sum is right); copy it again, nothing was changed"
  done
  brings_runtime || verify_runtime
}

verify_runtime() {
  for file in node zeromq.node; do
    # shellcheck disable=SC2086
    found=$({ $digest <"$root$library/$file"; } 2>/dev/null) || found=missing
    find_runtime "$file" && [ "${found%% *}" = "$sum" ] ||
      die "Cannot install: this slim installer brings no Node runtime, and $root$library/$file is not the one it was made with; use $role-install.sh. Nothing was changed"
  done
}

unpack() {
  mkdir "$stage/new"
  for part in common "$arch"; do
    find_part "$part" || continue
    part_bytes | tar -xmzf - -C "$stage/new" || die "Cannot unpack below $stage; nothing was changed"
  done
  brings_runtime || return 0
  ran=$("$stage/new/lib/node" --version 2>&1) ||
    die "Cannot install: the Node runtime does not start here; nothing was changed. It says: $ran"
}
