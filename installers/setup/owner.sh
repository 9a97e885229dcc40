# shellcheck shell=sh disable=SC2034,SC2154
# Root does nothing by name below a folder that another user may write: that user could have laid a link there, or lay one
# between a look and the deed. The server's user is one that an attacker may become.

# Sets $uid to the user id whose a folder is, to nothing where it is not there.
# Not by a here-document: for that bash before 5.1 needs room in /tmp, which that user may fill.
find_owner() {
  # shellcheck disable=SC2012,SC2046 # the third word, whatever the name is
  set -- $(ls -ldn "$1" 2>/dev/null)
  uid=${3-}
}

# as_owner FOLDER SCRIPT ARGUMENT...: runs a shell script with the rights of whose the folder is, and no more. The folder
# itself lies in one of root's. Not every machine has setpriv or runuser; the runtime that banshare brings can do it.
as_owner() {
  find_owner "$1"
  [ -n "$uid" ] || ! [ -e "$1" ] || return 1
  work=$2
  shift 2
  if [ "$(id -u)" != 0 ] || [ "${uid:-0}" = 0 ]; then
    sh -c "$work" sh "$@"
    return
  fi
  gid=$(awk -F: -v uid="$uid" '$3 == uid { print $4; exit }' /etc/passwd)
  node=$stage/new/lib/node
  [ -x "$node" ] || node=$root$library/node
  if ! [ -x "$node" ]; then
    # A package that is purged has no runtime any more.
    setpriv --reuid "$uid" --regid "${gid:-65534}" --clear-groups /bin/sh -c "$work" sh "$@"
    return
  fi
  NODE_OPTIONS='' OPENSSL_CONF=/dev/null "$node" --no-warnings -e 'const [uid, gid, ...words] = process.argv.slice(1);
    process.setgroups([]); process.setgid(Number(gid)); process.setuid(Number(uid)); process.execve(words[0], words);' \
    "$uid" "${gid:-65534}" /bin/sh -c "$work" sh "$@"
}

# Removes a folder below which another user may write: what is in it as that user; what then is left nobody else can reach.
purge_folder() {
  if [ -d "$root$1" ] && ! [ -L "$root$1" ]; then
    # shellcheck disable=SC2016 # for the shell that runs it
    as_owner "$root$1" 'cd "$1" && rm -rf ./* ./.[!.]*' "$root$1" 2>/dev/null || :
    [ "$(id -u)" != 0 ] || { chown 0:0 "$root$1" && chmod 0700 "$root$1"; }
  fi
  rm -rf "$root$1"
}

# Installing below a folder that another user may write, root would follow what that user lays there.
refuse_shared_destination() {
  [ -n "$root" ] && [ "$(id -u)" = 0 ] || return 0
  find_folder "$root"
  way=$(cd "$found" && pwd -P) || return 0
  set --
  while [ -n "$way" ]; do
    set -- "$@" "$way"
    way=${way%/*}
  done
  [ $# != 0 ] || return 0
  seen=$(ls -ldn "$@") || die "Cannot install below $root: its folders cannot be looked at"
  # A name of several lines has some that look like no folder of root's, and is refused.
  while read -r mode _ uid _ _ _ _ _ way; do
    case $mode/$uid in
    # All may write, each only what is theirs: /tmp.
    d????????[tT]*/0) ;;
    d???????w*) die "Cannot install below $root as root: everybody may write $way" ;;
    */0) ;;
    *) die "Cannot install below $root as root: the user $uid may write $way; run this installer as that user" ;;
    esac
  done <<END
$seen
END
}
