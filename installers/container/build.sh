#!/bin/sh
# build.sh ROLE: builds the image localhost/banshare-ROLE of what make built in dist/, with podman, or with what CONTAINER_TOOL names (docker,
# buildah). Only programs go to it: certs/ is not in the folder that it builds in. IMAGE_ARGS are further words for the build, such as
# --build-arg BASE=registry.example.org/debian:13-slim; DIST is another folder than dist/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
role=${1-}
case $role in
client) programs='client report' ;;
server) programs='server' ;;
*)
  echo "usage: build.sh client|server" >&2
  exit 64
  ;;
esac
dist=${DIST:-$top/dist}
tool=${CONTAINER_TOOL:-podman}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$top/package.json")
command -v "$tool" >/dev/null || {
  echo "Cannot build the image of the $role: $tool is not installed (Debian and Ubuntu: apt-get install podman); CONTAINER_TOOL names another one" >&2
  exit 1
}
[ -x "$dist/bin/banshare-$role" ] || {
  echo "Cannot build the image of the $role: $dist/bin/banshare-$role is missing; run make first" >&2
  exit 1
}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/banshare-image.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
root=$scratch/rootfs
umask 022
mkdir -p "$root/usr/bin" "$root/usr/lib/banshare" "$root/etc/banshare" "$root/run/banshare" "$root/var/lib/banshare" "$root/var/spool/banshare"
cp "$here/Containerfile.$role" "$scratch/Containerfile"
for program in $programs; do
  cp "$dist/bin/banshare-$program" "$root/usr/bin/"
  for file in "$dist/lib/banshare/$program".* "$dist/lib/banshare/$program"-*; do
    [ ! -f "$file" ] || cp "$file" "$root/usr/lib/banshare/"
  done
done
cp "$dist/lib/banshare/node" "$dist/lib/banshare/zeromq.node" "$dist/lib/banshare/LICENCES" "$root/usr/lib/banshare/"
find "$root" -type f -exec chmod 0644 {} +
chmod 0755 "$root/usr/lib/banshare/node" "$root"/usr/bin/*
# shellcheck disable=SC2086 # words of the administrator
"$tool" build ${IMAGE_ARGS-} --format docker -t "localhost/banshare-$role:$version" -t "localhost/banshare-$role:latest" "$scratch"
