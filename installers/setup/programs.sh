# shellcheck shell=sh disable=SC2034,SC2154
# The programs below /usr; client and server share the runtime and the addon.

library=/usr/lib/banshare

# What runs comes last: until then the previous programs find all their files.
plan_programs() {
  if brings_runtime; then
    put 0755 root:root lib/node "$library/node"
    put 0644 root:root lib/zeromq.node "$library/zeromq.node"
  fi
  for file in $program_files; do put 0644 root:root "lib/$file" "$library/$file"; done
  for file in $program_scripts; do put 0755 root:root "$file" "$library/${file##*/}"; done
  for file in $role_shares $common_shares; do
    find_share "$file"
    put 0644 root:root "share/$file" "$shared"
  done
  for file in $program_names; do put 0755 root:root "bin/$file" "/usr/bin/$file"; done
}

# Sets $shared to where it lies. Debian's zsh looks for what is no part of it in a folder of its own; others have one.
find_share() {
  shared=/usr/share/$1
  case $1 in
  zsh/vendor-completions/*)
    if ! [ -e "$root/etc/debian_version" ] && { [ -e "$root/etc/redhat-release" ] || [ -d "$root/usr/share/zsh/site-functions" ]; }; then
      shared=/usr/share/zsh/site-functions/${1##*/}
    fi
    ;;
  esac
}

# Chunks of earlier versions, which nothing names any more.
sweep_programs() {
  set --
  for prefix in $program_prefixes; do
    for path in "$root$library/$prefix"-*; do
      case " $program_files " in
      *" ${path##*/} "*) ;;
      *) ! [ -e "$path" ] || set -- "$@" "$path" ;;
      esac
    done
  done
  [ $# = 0 ] || rm -f "$@"
}

# An empty folder of completion is one that was made for it: the shell is not there.
remove_shares() {
  files=$1
  set --
  for file in $files; do
    find_share "$file"
    set -- "$@" "$root$shared"
  done
  rm -f "$@"
  set --
  for file in $files; do
    find_share "$file"
    case $file in
    man/*) ;;
    *)
      shared=$root${shared%/*}
      set -- "$@" "$shared" "${shared%/*}"
      ;;
    esac
  done
  [ $# = 0 ] || rmdir "$@" 2>/dev/null || :
}

# The other role keeps what it shares with this one.
uninstall_library() {
  set --
  for prefix in $program_prefixes; do set -- "$@" "$root$library/$prefix".* "$root$library/$prefix"-*; done
  for file in $program_scripts; do set -- "$@" "$root$library/${file##*/}"; done
  rm -f "$@"
  # What an installer that was killed left.
  for path in "$root$library"/.banshare-new.* "$root$library"/.banshare-old.*; do ! [ -d "$path" ] || rm -rf "$path"; done
  remove_shares "$role_shares"
  if ! [ -e "$root$library/client.mjs" ] && ! [ -e "$root$library/server.mjs" ]; then
    rm -f "$root$library/node" "$root$library/zeromq.node" "$root$library/LICENCES"
    rmdir "$root$library" 2>/dev/null || :
    remove_shares "$common_shares"
  fi
}
