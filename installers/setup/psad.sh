# shellcheck shell=sh disable=SC2034,SC2154
# The psad side of a client: two lines that the administrator adds, since psad.conf is theirs.

advise_psad() {
  [ "$live" = yes ] && [ -f /etc/psad/psad.conf ] || return 0
  if psad_names_reporter; then
    say "psad reports"
    return 0
  fi
  later "psad: to share what it blocks, put these two lines into /etc/psad/psad.conf and run psad -R. First read"
  later "/usr/lib/banshare/psad.conf about scans with a forged sender."
  later "$(sed -n 's/^\(E[A-Z_]*  *.*;\)$/  \1/p' "$root$library/psad.conf")"
}

uninstall_reporter() {
  if ! psad_names_reporter; then
    rm -f "$root/usr/bin/banshare-report"
    return 0
  fi
  idle_reporter >"$stage/new/idle-reporter"
  begin idle-reporter
  put 0755 root:root idle-reporter /usr/bin/banshare-report
  swap
  settle idle-reporter
  later "psad: /etc/psad/psad.conf still names /usr/bin/banshare-report, which stays and does nothing. Take the line"
  later "EXTERNAL_BLOCK_SCRIPT out, run psad -R, and remove the file."
}
