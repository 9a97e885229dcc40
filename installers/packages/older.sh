# shellcheck shell=sh disable=SC2034,SC2154
# An older version over a newer one, before any file is touched: $tables is up to which version this one knows the tables of $kept, which the
# program keeps. The program that is here still is asked what they are.

refuse_older() {
  [ -x "/usr/bin/banshare-$role" ] || return 0
  asked=$("/usr/bin/banshare-$role" --check --json 2>/dev/null) || :
  found=$(printf '%s' "$asked" | tr -d ' \n' | sed -n 's/.*"version":\([0-9][0-9]*\).*/\1/p')
  [ -n "$found" ] && [ "$found" -gt "$tables" ] || return 0
  {
    echo "Cannot go back to banshare-$role $package_version: $kept has tables of version $found, and that one knows them up to $tables."
    echo "Nothing was changed, and the version that is here runs on. To go back all the same, without what came since:"
    case $role in
    server)
      echo "  systemctl disable --now banshare-server && mv $kept $kept.newer"
      echo "  install banshare-server $package_version again"
      if [ -f "$kept.before-$found" ]; then
        echo "  banshare-server restore $kept.before-$found && systemctl enable --now banshare-server"
      else
        echo "  banshare-server restore a backup of before, and systemctl enable --now banshare-server"
      fi
      echo "Hosts keep their bans meanwhile, and report what they ban once it is back."
      ;;
    client)
      if [ -f "$kept.before-$found" ]; then
        echo "  systemctl stop banshare-client && rm -f $kept-wal $kept-shm && mv $kept.before-$found $kept"
      else
        echo "  banshare-client pause && systemctl stop banshare-client && mv $kept $kept.newer"
      fi
      echo "  install banshare-client $package_version again"
      echo "It takes from the server what it lacks then."
      ;;
    esac
  } >&2
  exit 1
}
