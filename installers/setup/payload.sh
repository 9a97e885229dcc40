# shellcheck shell=sh disable=SC2015,SC2034,SC2154
# The payload behind this script: one gzip tar for all machines, one for each architecture. $parts has a line
# "NAME OFFSET BYTES SHA256" for each. A slim installer lacks the latter: the runtime it was made with has to be here
# already. $runtimes has a line "ARCHITECTURE FILE SHA256" for each of its files.

part_of() {
  echo "$parts" | awk -v name="$1" '$1 == name { print $2, $3, $4; found = 1 } END { exit !found }'
}

architectures() {
  echo "$runtimes" | awk '$2 == "node" { printf "%s%s", comma, $1; comma = " and " }'
}

# The sha256 of a file of this architecture's runtime.
runtime_of() {
  echo "$runtimes" | awk -v arch="$arch" -v file="$1" '$1 == arch && $2 == file { print $3; found = 1 } END { exit !found }'
}

brings_runtime() {
  part_of "$arch" >/dev/null
}

my_parts() {
  echo common
  ! brings_runtime || echo "$arch"
}

# The bytes of the part whose "OFFSET BYTES SHA256" are given.
bytes_of() {
  tail -c "+$(($1 + 1))" "$self" | head -c "$2"
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
  for part in $(my_parts); do
    # shellcheck disable=SC2046 # three words, none of them with a blank or a star
    set -- $(part_of "$part")
    # shellcheck disable=SC2086 # a command and its words
    found=$(bytes_of "$1" "$2" | $digest) || found=unreadable
    [ "${found%% *}" = "$3" ] ||
      die "Cannot install: this installer is damaged (its part $part has the sha256 ${found%% *}, $3 is right); copy it again, nothing was changed"
  done
  brings_runtime || verify_runtime
}

verify_runtime() {
  for file in node zeromq.node; do
    # shellcheck disable=SC2086
    found=$({ $digest <"$root$library/$file"; } 2>/dev/null) || found=missing
    [ "${found%% *}" = "$(runtime_of "$file")" ] ||
      die "Cannot install: this slim installer brings no Node runtime, and $root$library/$file is not the one it was made with; use $role-install.sh. Nothing was changed"
  done
}

unpack() {
  mkdir "$stage/new"
  for part in $(my_parts); do
    # shellcheck disable=SC2046
    set -- $(part_of "$part")
    bytes_of "$1" "$2" | tar -xmzf - -C "$stage/new" || die "Cannot unpack below $stage; nothing was changed"
  done
  brings_runtime || return 0
  ran=$("$stage/new/lib/node" --version 2>&1) ||
    die "Cannot install: the Node runtime does not start here; nothing was changed. It says: $ran"
}
