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
  for file in $role_shares $common_shares; do put 0644 root:root "share/$file" "$(shared_path "$file")"; done
  for file in $program_names; do put 0755 root:root "bin/$file" "/usr/bin/$file"; done
}

# Debian's zsh looks for what is no part of it in a folder of its own; others have one.
shared_path() {
  case $1 in
  zsh/vendor-completions/*)
    if ! [ -e "$root/etc/debian_version" ] && { [ -e "$root/etc/redhat-release" ] || [ -d "$root/usr/share/zsh/site-functions" ]; }; then
      echo "/usr/share/zsh/site-functions/${1##*/}"
      return 0
    fi
    ;;
  esac
  echo "/usr/share/$1"
}

# Chunks of earlier versions, which nothing names any more.
sweep_programs() {
  for prefix in $program_prefixes; do
    for path in "$root$library/$prefix"-*; do
      case " $program_files " in
      *" ${path##*/} "*) ;;
      *) rm -f "$path" ;;
      esac
    done
  done
}

# An empty folder of completion is one that was made for it: the shell is not there.
remove_share() {
  shared=$root$(shared_path "$1")
  rm -f "$shared"
  case $1 in
  man/*) ;;
  *)
    shared=${shared%/*}
    rmdir "$shared" "${shared%/*}" 2>/dev/null || :
    ;;
  esac
}

# The other role keeps what it shares with this one.
uninstall_library() {
  for prefix in $program_prefixes; do rm -f "$root$library/$prefix".* "$root$library/$prefix"-*; done
  for file in $program_scripts; do rm -f "$root$library/${file##*/}"; done
  for file in $role_shares; do remove_share "$file"; done
  if ! [ -e "$root$library/client.mjs" ] && ! [ -e "$root$library/server.mjs" ]; then
    rm -f "$root$library/node" "$root$library/zeromq.node" "$root$library/LICENCES"
    rmdir "$root$library" 2>/dev/null || :
    for file in $common_shares; do remove_share "$file"; done
  fi
}
