# shellcheck shell=sh disable=SC2015,SC2034,SC2154
# The fail2ban side of a client: the action, the jail and its filter.

install_fail2ban() {
  begin fail2ban
  put 0644 root:root fail2ban/action.d/banshare.conf /etc/fail2ban/action.d/banshare.conf
  put 0644 root:root fail2ban/filter.d/banshare.conf /etc/fail2ban/filter.d/banshare.conf
  put 0644 root:root fail2ban/jail.d/banshare.conf /etc/fail2ban/jail.d/banshare.conf
  swap
  if [ "$live" = yes ] && with_fail2ban && changed fail2ban; then take_up_fail2ban || return 0; fi
  settle fail2ban
}

with_fail2ban() {
  command -v fail2ban-client >/dev/null 2>&1
}

fail2ban_runs() {
  [ "$live" = yes ] && with_fail2ban && fail2ban-client ping >/dev/null 2>&1
}

# A configuration with a fault would keep fail2ban from starting, so it is tested before fail2ban is told.
take_up_fail2ban() {
  if ! fault=$(fail2ban-client -t 2>&1) && ! without_recidive; then
    undo fail2ban
    failed=yes
    # A fault that is there without them is not theirs; a jail that names the action beforehand is no fault.
    if fail2ban-client -t >/dev/null 2>&1; then
      later "fail2ban: its configuration test failed with banshare's files, so the previous files are back. It says:"
    else
      later "fail2ban: its configuration test fails, also without banshare's files, so they were not put in place. It says:"
    fi
    later "$(echo "$fault" | tail -n 3 | sed 's/^/  /')"
    later "  When fail2ban-client -t is content, run ${again:-this installer again}."
    return 1
  fi
  fail2ban_runs || return 0
  if ! fault=$(fail2ban-client reload 2>&1); then
    undo fail2ban
    fail2ban-client reload >/dev/null 2>&1 || :
    failed=yes
    later "fail2ban: it did not take up banshare's files, so the previous files are back: $fault"
    return 1
  fi
  say "fail2ban has taken up the action and the jail banshare"
}

# An ignorecommand of the administrator's that names the one before it cannot be chained: then recidive stays as it is.
without_recidive() {
  jails=$root/etc/fail2ban/jail.d/banshare.conf
  sed '/^# recidive /,$d' "$stage/new/fail2ban/jail.d/banshare.conf" >"$stage/new/jail.conf"
  cat "$stage/new/jail.conf" >"$jails.banshare-new" && chmod 0644 "$jails.banshare-new" && mv -f "$jails.banshare-new" "$jails"
  fail2ban-client -t >/dev/null 2>&1 || return 1
  later "fail2ban: your own ignorecommand of the jail recidive is left as it is. So that bans of the fleet do not count there,"
  later '  let it begin with:  /usr/lib/banshare/shared-ban "<ip>" "<time>" ||'
}

# The jails whose configuration has the action; one that runs without it needs --restart (fail2ban #3860).
advise_fail2ban() {
  [ "$live" = yes ] || return 0
  if ! with_fail2ban; then
    later "fail2ban is not installed here. When it is, its jails can report with the action banshare (see README.md)."
    return 0
  fi
  dump=$(fail2ban-client -d 2>/dev/null) || dump=
  reporting=$(echo "$dump" | sed -n "s/^\['set', '\([^']*\)', 'addaction', 'banshare'.*/\1/p")
  if [ -z "$reporting" ]; then
    advise_action
    return 0
  fi
  say "fail2ban jails that report: $(echo "$reporting" | tr '\n' ' ')"
  fail2ban_runs || return 0
  for jail in $reporting; do
    fail2ban-client get "$jail" actions 2>/dev/null | grep -qw banshare ||
      later "fail2ban: let the jail $jail take up its new action:  fail2ban-client reload --restart $jail"
  done
}

advise_action() {
  jail=$(echo "$dump" | sed -n "s/^\['add', '\([^']*\)'.*/\1/p" | grep -vxE 'banshare|recidive' | head -n 1)
  later "fail2ban: no jail reports yet. Give each jail that shall report the action, in /etc/fail2ban/jail.local:"
  later "  [${jail:-sshd}]"
  later "  action = %(action_)s"
  later '           banshare[port="%(port)s", protocol="%(protocol)s"]'
  later "and then:  fail2ban-client reload --restart ${jail:-sshd}"
}

# The reporter runs as fail2ban's child, inside the sandbox of its unit, and has to reach the spool there.
plan_confinement() {
  case $(fail2ban_unit_property ProtectSystem) in
  strict) ;;
  *) return 0 ;;
  esac
  begin confinement
  put 0644 root:root systemd/fail2ban-spool.conf /etc/systemd/system/fail2ban.service.d/banshare.conf
  swap
  if with_systemd && changed confinement; then
    systemctl daemon-reload
    ! fail2ban_runs || systemctl restart fail2ban.service || later "fail2ban: it does not start again: systemctl status fail2ban"
  fi
  settle confinement
}

fail2ban_unit_property() {
  if with_systemd; then
    systemctl show -p "$1" --value fail2ban.service 2>/dev/null || :
  else
    sed -n "s/^$1=//p" "$root/usr/lib/systemd/system/fail2ban.service" "$root/lib/systemd/system/fail2ban.service" 2>/dev/null |
      sed -n 1p
  fi
}

# One report of a documentation address, which no host has, from where fail2ban's own will come.
report_from_fail2ban() {
  with_systemd || return 0
  pid=$(systemctl show -p MainPID --value fail2ban.service 2>/dev/null) || pid=0
  [ "${pid:-0}" -gt 0 ] || return 0
  if [ "$(getenforce 2>/dev/null)" = Enforcing ]; then
    later "SELinux enforces here and may keep fail2ban from running the reporter. The supported way on this host is"
    later "  systemctl enable --now banshare-follow   (it reads /var/log/fail2ban.log), instead of the action in the jails."
    return 0
  fi
  if answer=$(run_confined /usr/bin/banshare-report --duration 60 fail2ban install-check 192.0.2.1 2>&1); then
    say "A report from inside fail2ban's sandbox: ${answer:-accepted}"
  else
    later "A report from inside fail2ban's sandbox failed, so its bans would not be shared: $answer"
  fi
}

# Runs a command with the sandbox of fail2ban's unit; without systemd-run, in its view of the file system at least.
run_confined() {
  # systemd-run waits by way of D-Bus, which small machines do without.
  if ! command -v systemd-run >/dev/null 2>&1 || ! [ -S /run/dbus/system_bus_socket ]; then
    nsenter -t "$pid" -m -- "$@"
    return
  fi
  for property in ProtectSystem ProtectHome PrivateTmp PrivateDevices NoNewPrivileges RestrictAddressFamilies \
    SystemCallFilter CapabilityBoundingSet ReadWritePaths ReadOnlyPaths InaccessiblePaths; do
    value=$(systemctl show -p "$property" --value fail2ban.service 2>/dev/null) || value=
    case $value in '' | '~') continue ;; esac
    set -- -p "$property=$value" "$@"
  done
  systemd-run --quiet --wait --collect --pipe "$@"
}

# What still names the action, besides banshare's own file.
names_action() {
  for file in "$root"/etc/fail2ban/jail.conf "$root"/etc/fail2ban/jail.local "$root"/etc/fail2ban/jail.d/*.conf "$root"/etc/fail2ban/jail.d/*.local; do
    [ -f "$file" ] && [ "$file" != "$root/etc/fail2ban/jail.d/banshare.conf" ] || continue
    sed '/^[[:space:]]*[#;]/d' "$file" | grep -Eq '(^|[^[:alnum:]_./-])banshare([^[:alnum:]_.-]|$)' && echo "${file#"$root"}"
  done
  return 0
}

uninstall_fail2ban() {
  begin action
  users=$(names_action)
  if [ -z "$users" ]; then
    take_away /etc/fail2ban/action.d/banshare.conf
  elif [ -f "$root/etc/fail2ban/action.d/banshare.conf" ]; then
    noop_action >"$stage/new/noop.conf"
    put 0644 root:root noop.conf /etc/fail2ban/action.d/banshare.conf
    swap
    later "fail2ban would not start without an action that a jail names. So /etc/fail2ban/action.d/banshare.conf stays and"
    later "does nothing. Take banshare out of $(echo "$users" | tr '\n' ' ')and remove it."
  fi
  settle action
  begin fail2ban
  take_away /etc/fail2ban/jail.d/banshare.conf
  take_away /etc/fail2ban/filter.d/banshare.conf
  if [ "$live" = yes ] && with_fail2ban; then
    if ! fail2ban-client -t >/dev/null 2>&1; then
      undo fail2ban
      # A fault that is there with them as well is another's, and keeps nothing of ours.
      if ! fail2ban-client -t >/dev/null 2>&1; then
        take_away /etc/fail2ban/jail.d/banshare.conf
        take_away /etc/fail2ban/filter.d/banshare.conf
      else
        later "fail2ban: its configuration test fails without the jail banshare, so jail.d/banshare.conf and filter.d/banshare.conf"
        later "stay. fail2ban-client -t says why; remove the two files after."
      fi
    elif fail2ban_runs; then
      fail2ban-client reload >/dev/null 2>&1 || later "fail2ban: reload it when you can:  fail2ban-client reload"
    fi
  fi
  settle fail2ban
  rm -f "$root/etc/systemd/system/fail2ban.service.d/banshare.conf"
  rmdir "$root/etc/systemd/system/fail2ban.service.d" 2>/dev/null || :
}

noop_action() {
  cat <<'CONF'
# banshare was removed from this machine; this file only keeps fail2ban starting while a jail names the action.
[Definition]
actionban =
actionunban =
[Init]
port =
protocol =
CONF
}
