# shellcheck shell=sh disable=SC2034,SC2154
# Whether banshare can run here. Nothing is touched before this has passed.

check_machine() {
  [ "$(uname -s)" = Linux ] || die "Cannot install: banshare runs on Linux, this is $(uname -s)"
  case $(uname -m) in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) die "Cannot install: banshare runs on x86_64 and aarch64, this is $(uname -m)" ;;
  esac
  find_runtime node ||
    die "Cannot install: this installer was made for $(architectures), this machine is $arch; make one with: make $role-install.sh ARCH=\"x64 arm64\""
  check_glibc
  for tool in tar gzip cmp sed awk; do
    command -v "$tool" >/dev/null 2>&1 || die "Cannot install: $tool is not here; install it first"
  done
}

check_glibc() {
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || libc=$(ldd --version 2>&1 | sed -n '1s/.* \([0-9.]*\)$/glibc \1/p') || libc=
  case $libc in
  "glibc "*) ;;
  *) die "Cannot install: banshare needs glibc 2.28 or later, and this machine's C library is another one${libc:+ ($libc)}" ;;
  esac
  case ${libc#glibc } in
  2.2[89]* | 2.[3-9][0-9]* | 2.[1-9][0-9][0-9]* | [3-9]* | [1-9][0-9]*) ;;
  *) die "Cannot install: banshare needs glibc 2.28 or later, this machine has ${libc#glibc }" ;;
  esac
}

# Room for the whole unpacked tree, since the previous one stays until the new one is in place.
check_space() {
  set --
  for each in /usr/lib /etc /var; do
    find_folder "$root$each"
    set -- "$@" "$found"
  done
  # As a number mawk would print what has ten digits, two terabytes, as 3e+09.
  spaces=$(df -Pk "$@" | awk 'NR > 1 { print ($4 ~ /^[0-9]+$/) ? $4 : 0 }') || spaces=''
  # shellcheck disable=SC2086 # a number for each folder
  set -- $spaces
  need_space "$root/usr/lib" "$unpacked_kb" "${1:-0}"
  need_space "$root/etc" 1024 "${2:-0}"
  need_space "$root/var" 1024 "${3:-0}"
}

# Sets $found to the folder, or to the nearest above it that is there.
find_folder() {
  found=$1
  while ! [ -d "$found" ]; do
    case $found in
    */*) found=${found%/*} ;;
    *) found=. ;;
    esac
    [ -n "$found" ] || found=/
  done
}

# need_space FOLDER NEEDED FREE, both in KB.
need_space() {
  free=$3
  [ "$free" -ge "$2" ] || die "Cannot install: $1 has $((free / 1024)) MB free, $(($2 / 1024 + 1)) MB are needed; nothing was changed"
}

# Whether something on this machine listens on a TCP port: /proc/net/tcp has ports in hex, and state 0A is listening.
listens() {
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$(printf '%04X' "$1")" '$4 == "0A" && $2 ~ ":" port "$" { found = 1 } END { exit !found }'
}

with_systemd() {
  [ "$live" = yes ] && [ -d /run/systemd/system ]
}
