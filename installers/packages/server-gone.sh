# shellcheck shell=sh disable=SC2034,SC2154
# After a server's files are gone, and when nothing of it shall stay.

root='' live=yes library=/usr/lib/banshare

after_removal() {
  :
}

purge_role() {
  stage=$(mktemp -d)
  # As the users who may write there, root following no link of theirs.
  for each in /etc/banshare/generations /var/lib/banshare/server /run/banshare/server /run/banshare/operators /run/banshare/page \
    /run/banshare/outside /var/lib/banshare/outside /var/lib/banshare/backup /etc/banshare/outside; do
    purge_folder "$each"
  done
  rm -rf /etc/banshare/server.d
  rm -f /etc/banshare/server.toml /etc/banshare/firewall-hook /etc/banshare/firewall-hook.opened
  rmdir /etc/banshare /var/lib/banshare /run/banshare 2>/dev/null || :
  remove_user
  say_later
  rm -rf "$stage"
}
