# shellcheck shell=sh disable=SC2034,SC2154
# The units of a package, by the tools that the system has for that: on Debian what an administrator disabled or masked stays so, and a
# policy that lets no service start is kept; on other systems presets say what is on at first.

# Of a role's units $first_units are on at first, $other_units are started by nobody but the administrator.

note_units() {
  if [ -n "${DPKG_MAINTSCRIPT_PACKAGE-}" ] && command -v deb-systemd-helper >/dev/null 2>&1; then
    act=deb-systemd-invoke
    for unit in $first_units; do
      deb-systemd-helper unmask "$unit" >/dev/null || :
      if deb-systemd-helper --quiet was-enabled "$unit"; then
        deb-systemd-helper enable "$unit" >/dev/null || :
      else
        deb-systemd-helper update-state "$unit" >/dev/null || :
      fi
    done
    for unit in $other_units; do deb-systemd-helper update-state "$unit" >/dev/null || :; done
  elif [ "$upgrade" = no ] && ! command -v deb-systemd-helper >/dev/null 2>&1 && command -v systemctl >/dev/null 2>&1; then
    # The installer's may be on already.
    for unit in $first_units; do
      systemctl is-enabled --quiet "$unit" 2>/dev/null || systemctl --no-reload preset "$unit" >/dev/null 2>&1 || :
    done
  fi
}

# What an earlier systemd does not know is said anew beside the unit, whose file is the package's.
settle_types() {
  with_systemd || return 0
  type=$(type_for_systemd)
  for unit in $first_units $other_units; do
    beside=$unit_dir/$unit.d/older-systemd.conf
    written=$(sed -n 's/^Type=//p' "$unit_dir/$unit")
    case $type/$written in
    simple/notify)
      folder "${beside%/*}"
      (umask 022 && printf '[Service]\nType=%s\nNotifyAccess=none\nWatchdogSec=0\n' "$type" >"$beside")
      ;;
    *)
      rm -f "$beside"
      rmdir "${beside%/*}" 2>/dev/null || :
      ;;
    esac
  done
}

remove_types() {
  for unit in $first_units $other_units; do
    rm -f "$unit_dir/$unit.d/older-systemd.conf"
    rmdir "$unit_dir/$unit.d" 2>/dev/null || :
  done
}

# Whether systemd runs here, the unit is on, and no policy keeps services from being started.
may_start() {
  with_systemd && systemctl is-enabled --quiet "banshare-$role.service" 2>/dev/null || return 1
  [ -x /usr/sbin/policy-rc.d ] && command -v deb-systemd-invoke >/dev/null 2>&1 || return 0
  code=0
  /usr/sbin/policy-rc.d "banshare-$role.service" restart >/dev/null 2>&1 || code=$?
  [ "$code" != 101 ]
}

# The programs are new already, so a version that does not stay up can only be said.
start_packaged() {
  if ! may_start; then
    with_systemd || later "systemd does not run here. Let your init system start this, as ${service_user:-root}:  /usr/bin/banshare-$role run"
    return 0
  fi
  systemctl daemon-reload
  if restart_service && comes_up; then
    restarted=yes
    [ -z "$still_starts" ] || later "banshare-$role is not ready yet ($still_starts): look again with systemctl status banshare-$role. It goes on by itself."
    return 0
  fi
  journalctl -n 20 --no-pager -u "banshare-$role.service" >&2 2>/dev/null || :
  die "banshare-$role $version is installed but does not start: see above, or journalctl -u banshare-$role. ${earlier:+The version before is back with: $earlier}"
}

# What is on beside the role's own: timers.
start_timers() {
  may_start || return 0
  for unit in $first_units; do
    [ "$unit" = "banshare-$role.service" ] || ! systemctl is-enabled --quiet "$unit" 2>/dev/null || systemctl start "$unit" || :
  done
}

stop_packaged() {
  ! with_systemd || for unit in $other_units $first_units; do "$act" stop "$unit" >/dev/null 2>&1 || :; done
  ! still_runs || die "Cannot remove banshare-$role while it runs: stop it as you started it. Nothing is removed"
  [ "$act" = deb-systemd-invoke ] || forget_units
}

# Debian's helper remembers what was on until a purge, which rpm has not: a link to a unit that is gone would stay.
forget_units() {
  for unit in $other_units $first_units; do
    systemctl --no-reload disable "$unit" >/dev/null 2>&1 || :
    rm -f "/var/lib/systemd/timers/stamp-$unit"
  done
}
