#!/bin/sh
# first-package.sh DIR NAME VERSION INTEGRITY: puts a package of the npm registry into DIR/node_modules, once its sha512 is the
# one that is committed. The Makefile gets the runtime and an npm by it, which then check all that follows by the lock file:
# before them nothing may run that nobody has checked, and the machine's npm only looks at what the registry says itself.
set -eu

[ $# = 4 ] || { echo "usage: first-package.sh DIR NAME VERSION INTEGRITY" >&2; exit 64; }
name=$2 version=$3 integrity=$4
case $integrity in
sha512-?*) ;;
*) echo "Cannot install $name: no sha512 of it is committed" >&2; exit 1 ;;
esac
mkdir -p "$1"
dir=$(cd "$1" && pwd)
# What it is known by once it has been checked; a package that an earlier version laid has none.
mark=$dir/node_modules/$name/.checked-integrity
[ "$(cat "$mark" 2>/dev/null)" != "$integrity" ] || exit 0

scratch=$(mktemp -d "$dir/.first-package.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

(cd "$scratch" && npm pack --silent --ignore-scripts "$name@$version" >/dev/null) ||
  { echo "Cannot get $name $version: npm could not fetch it from the registry (npm 6.14 or later is needed); see above" >&2; exit 1; }
file=$scratch/$name-$version.tgz
[ -f "$file" ] || { echo "Cannot get $name $version: npm pack left no $name-$version.tgz" >&2; exit 1; }
wanted=$(printf '%s' "${integrity#sha512-}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
found=$(sha512sum <"$file")
found=${found%% *}
if [ "$found" != "$wanted" ]; then
  echo "Cannot use $name $version: what the registry or npm's cache gave has the sha512 $found, and $wanted is committed." >&2
  echo "Somebody may have tampered with it: nothing of it was run. Try npm cache clean --force, and another network." >&2
  exit 1
fi
mkdir "$scratch/package"
tar -xzf "$file" -C "$scratch/package" --strip-components=1
printf '%s\n' "$integrity" >"$scratch/package/.checked-integrity"
mkdir -p "$dir/node_modules"
rm -rf "${dir:?}/node_modules/$name"
mv "$scratch/package" "$dir/node_modules/$name"
