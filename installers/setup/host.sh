# shellcheck shell=sh disable=SC2034,SC2154
# What a host keeps of whoever installs, and what it gives back when the client goes.

# Who installs by SSH is never banned on this host, for good: the client reads the file.
note_installer() {
  [ "$live" = yes ] || return 0
  from=$(installed_by)
  [ -n "$from" ] || return 0
  private_folder root:root /var/lib/banshare/client
  noted=$root/var/lib/banshare/client/installed-from
  grep -Fqxs "$from" "$noted" || printf '%s\n' "$from" >>"$noted"
}

# A sudo in between hides the variable; the processes that it was called from still have it.
installed_by() {
  connection=${SSH_CONNECTION:-} pid=$$
  while [ -z "$connection" ] && [ "${pid:-0}" -gt 1 ]; do
    connection=$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
    pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) || pid=0
  done
  printf '%s\n' "${connection%% *}"
}

# What banshare put in place would stand for weeks, with nobody to lift it: another enforcer than before makes the old one lift
# all it holds. In the state the bans wait for a client that comes back.
lift_bans() {
  [ "$live" = yes ] && [ -x /usr/bin/banshare-client ] && [ -e /var/lib/banshare/client/state.db ] || return 0
  printf '[apply]\nenforcer = "none"\n' >"$stage/new/none.toml"
  case $(/usr/bin/banshare-client status 2>/dev/null) in
  PAUSED*) was_paused=yes ;;
  *) was_paused=no ;;
  esac
  /usr/bin/banshare-client pause --config "$stage/new/none.toml" >/dev/null 2>&1 ||
    later "Not all bans of banshare could be lifted on this host; look into fail2ban and the firewall."
  [ "$was_paused" = yes ] || /usr/bin/banshare-client resume --config "$stage/new/none.toml" >/dev/null 2>&1 || :
}
