# shellcheck shell=sh disable=SC2034,SC2154
# After a client's files are gone, and when nothing of it shall stay.

root=''

after_removal() {
  psad_names_reporter || return 0
  idle_reporter >/usr/bin/banshare-report.banshare-new
  chmod 0755 /usr/bin/banshare-report.banshare-new
  mv -f /usr/bin/banshare-report.banshare-new /usr/bin/banshare-report
}

purge_role() {
  rm -rf /etc/banshare/keys /etc/banshare/joined.json /etc/banshare/client.toml /etc/banshare/client.d /var/lib/banshare/client /var/spool/banshare /run/banshare/client
  rmdir /etc/banshare /var/lib/banshare /run/banshare 2>/dev/null || :
}
