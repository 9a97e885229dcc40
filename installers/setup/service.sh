# shellcheck shell=sh disable=SC2034,SC2154
# The systemd unit of this role.

unit_dir=/usr/lib/systemd/system

plan_unit() {
  # An image gets its unit even where no systemd runs while it is made.
  if [ "$live" = no ] || with_systemd; then
    settle_types "$stage"/new/systemd/banshare-*.service
    # Only the first is started. The timer is for who has node_exporter bring metrics.
    for unit in "banshare-$role.service" "banshare-$role-metrics.service" "banshare-$role-metrics.timer"; do
      put 0644 root:root "systemd/$unit" "$unit_dir/$unit"
    done
    # For servers that have somebody to tell.
    if [ "$role" = server ]; then
      for unit in banshare-outside.service banshare-mail.socket banshare-mail@.service; do put 0644 root:root "systemd/$unit" "$unit_dir/$unit"; done
    fi
    if [ "$role" = server ]; then
      # It is on where it is new, and stays as the administrator has it.
      [ -e "$root$unit_dir/banshare-backup.timer" ] || new_timer=yes
      for unit in banshare-backup.service banshare-backup.timer; do put 0644 root:root "systemd/$unit" "$unit_dir/$unit"; done
    fi
    # For hosts where fail2ban's actions cannot be changed.
    [ "$role" != client ] || put 0644 root:root systemd/banshare-follow.service "$unit_dir/banshare-follow.service"
    # Nor is this: an administrator who wants the page starts it.
    [ "$role" != server ] || put 0644 root:root systemd/banshare-web.service "$unit_dir/banshare-web.service"
  fi
}

settle_types() {
  [ "$live" = yes ] || return 0
  type=$(type_for_systemd)
  [ -z "$type" ] || sed -i -e "s/^Type=notify\$/Type=$type/" -e '/^NotifyAccess=/d' -e '/^WatchdogSec=/d' "$@"
}

# Starts what is new and restarts what has changed; a new version that does not stay up is taken back.
start_service() {
  if [ "$live" = no ]; then
    folder /etc/systemd/system/multi-user.target.wants
    ln -sf "$unit_dir/banshare-$role.service" "$root/etc/systemd/system/multi-user.target.wants/banshare-$role.service"
    if [ -n "${new_timer-}" ]; then
      folder /etc/systemd/system/timers.target.wants
      ln -sf "$unit_dir/banshare-backup.timer" "$root/etc/systemd/system/timers.target.wants/banshare-backup.timer"
    fi
    return 0
  fi
  if ! with_systemd; then
    ! { [ "$upgrade" = yes ] && changed programs; } || later "banshare-$role was upgraded: where it runs, it has to be started again."
    later "systemd does not run here. Let your init system start this, as ${service_user:-root}, and start it again when it ends:"
    later "  /usr/bin/banshare-$role run"
    [ -z "${service_user-}" ] || later "with a folder of its own for its socket: install -d /run/banshare && install -d -m 0700 -o $service_user /run/banshare/$role"
    # A client of an earlier version made it for itself alone.
    ! [ -d /run/banshare ] || chmod 0755 /run/banshare
    return 0
  fi
  systemctl daemon-reload
  ! changed programs || [ "$role" != server ] || systemctl --no-block try-restart banshare-outside.service || :
  systemctl enable --quiet "banshare-$role.service"
  if changed programs || [ "$new_generation" = yes ] || ! systemctl is-active --quiet "banshare-$role.service"; then
    # Of a start that goes on the previous version would be no better.
    { { starts_already || restart_service; } && comes_up; } || take_back
    [ -z "$still_starts" ] || later "banshare-$role is not ready yet ($still_starts): look again with systemctl status banshare-$role. It goes on by itself."
  fi
  # Does nothing until [backup] in server.toml wants it.
  [ -z "${new_timer-}" ] || systemctl enable --quiet --now banshare-backup.timer || warn "Cannot enable banshare-backup.timer"
}

# What it does is not begun anew, where that would change nothing.
starts_already() {
  ! changed programs && [ "$new_generation" = no ] || return 1
  look
  [ "$state/$substate" = activating/start ]
}

take_back() {
  journalctl -n 20 --no-pager -u "banshare-$role.service" >&2 2>/dev/null || :
  if [ "$upgrade" = no ]; then
    for each in $role_sets; do settle "$each"; done
    die "banshare-$role is installed but does not start: see above, or journalctl -u banshare-$role"
  fi
  for each in $role_sets; do undo "$each"; done
  systemctl daemon-reload
  if restart_service && comes_up; then
    die "The new banshare-$role does not start (see above): the previous one is back, and ${still_starts:+still starts: }${still_starts:-runs}"
  fi
  die "The new banshare-$role does not start (see above): the previous one is back, but does not start either"
}

# Removed from below a daemon that runs, its bans would stay for good and its files come back.
stop_service() {
  if with_systemd; then
    systemctl disable --quiet --now "banshare-$role-metrics.timer" 2>/dev/null || :
    systemctl disable --quiet --now "banshare-$role.service" 2>/dev/null || :
    [ "$role" != server ] || systemctl disable --quiet --now banshare-backup.timer 2>/dev/null || :
    [ "$role" != server ] || systemctl disable --quiet --now banshare-outside.service 2>/dev/null || :
    [ "$role" != server ] || systemctl stop --quiet banshare-mail.socket 2>/dev/null || :
    [ "$role" != client ] || systemctl disable --quiet --now banshare-follow.service 2>/dev/null || :
    [ "$role" != server ] || systemctl disable --quiet --now banshare-web.service 2>/dev/null || :
  fi
  ! still_runs || die "Cannot remove banshare-$role while it runs: stop it as you started it, and run this again. Nothing is removed"
  rm -f "$root/etc/systemd/system/multi-user.target.wants/banshare-$role.service"
  [ "$role" != server ] || rm -f "$root/etc/systemd/system/timers.target.wants/banshare-backup.timer"
}

remove_units() {
  set --
  for unit in "banshare-$role.service" "banshare-$role-metrics.service" "banshare-$role-metrics.timer"; do
    set -- "$@" "$root$unit_dir/$unit"
  done
  [ "$role" != server ] || set -- "$@" "$root$unit_dir/banshare-web.service" "$root$unit_dir/banshare-backup.service" "$root$unit_dir/banshare-backup.timer"
  # What the timer wrote would be told as if it were so.
  rm -f "$@" "$root/var/lib/prometheus/node-exporter/banshare-$role.prom"
}
