# shellcheck shell=sh disable=SC2034,SC2154
# Whether banshare can run here. Nothing is touched before this has passed.

check_machine() {
  [ "$(uname -s)" = Linux ] || die "Cannot install: banshare runs on Linux, this is $(uname -s)"
  case $(uname -m) in
  x86_64 | amd64) arch=x64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) die "Cannot install: banshare runs on x86_64 and aarch64, this is $(uname -m)" ;;
  esac
  runtime_of node >/dev/null ||
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
  echo "${libc#glibc }" | awk -F. '{ exit !($1 > 2 || ($1 == 2 && $2 >= 28)) }' ||
    die "Cannot install: banshare needs glibc 2.28 or later, this machine has ${libc#glibc }"
}

# Room for the whole unpacked tree, since the previous one stays until the new one is in place.
check_space() {
  need_space "$root/usr/lib" "$unpacked_kb"
  need_space "$root/etc" 1024
  need_space "$root/var" 1024
}

need_space() {
  folder=$1
  while ! [ -d "$folder" ]; do
    case $folder in
    */*) folder=${folder%/*} ;;
    *) folder=. ;;
    esac
    [ -n "$folder" ] || folder=/
  done
  free=$(df -Pk "$folder" | awk 'NR > 1 { free = $4 } END { print free + 0 }')
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
