# shellcheck shell=sh disable=SC2034,SC2154
# The unit of this role as systemd has it: restarted, and waited for.

# The program by which units are started and stopped; a package's scripts ask Debian's own in its place.
act=systemctl

# A program that ends at once after it has told systemd something is heard for certain since systemd 246; before, or without that program, a
# unit is none that waits for a word, and before 240 there is no exec. Says what the type is then, and nothing where it may stay.
type_for_systemd() {
  systemd=$(systemctl --version 2>/dev/null | awk 'NR == 1 { print $2 + 0 }')
  if [ "${systemd:-0}" -ge 246 ] && command -v systemd-notify >/dev/null 2>&1; then return 0; fi
  echo simple
}

# It says itself when it is ready; while it only starts, comes_up says what it does.
restart_service() {
  code=0
  timeout 20 "$act" restart "banshare-$role.service" || code=$?
  [ "$code" = 0 ] || [ "$code" = 124 ]
}

# Sets what systemd knows of the unit.
look() {
  state='' substate='' main=0 ended=0 what='' type=''
  while IFS='=' read -r name value; do
    case $name in
    ActiveState) state=$value ;;
    SubState) substate=$value ;;
    MainPID) main=$value ;;
    NRestarts) ended=$value ;;
    StatusText) what=$value ;;
    Type) type=$value ;;
    esac
  done <<END
$(systemctl show -p ActiveState,SubState,MainPID,NRestarts,StatusText,Type "banshare-$role.service" 2>/dev/null)
END
}

# How long a start may take before this goes on without it, and how long where the unit does not tell what it does: seconds.
patience=900
patience_untold=60

# Up, or still on its way there with its main process alive, which is left to it. It fails where it ended three times, or once after the
# first minute, or is for ten seconds neither. Sets still_starts to what it does.
comes_up() {
  still_starts='' told='' tries=0 waited=0 began_at=$(date +%s)
  look
  restarts=$ended first=$main
  while [ "$tries" -lt 20 ]; do
    ended=$((ended - restarts))
    [ "$ended" -lt 3 ] || return 1
    [ "$ended" -le 0 ] || [ "$waited" -lt "$patience_untold" ] || return 1
    case $state/$substate in
    active/*)
      answers && return 0
      if [ "$type" = notify ] || [ "$main" = 0 ] || [ "$main" != "$first" ]; then tries=$((tries + 1)); fi
      [ "$waited" -lt "$patience_untold" ] || { goes_on && return 0; }
      ;;
    activating/auto-restart*) tries=$((tries + 1)) ;;
    activating/*)
      case $what in "Waiting for "*) goes_on && return 0 ;; esac
      [ "$waited" -lt "$patience" ] || { goes_on && return 0; }
      [ "$what$((waited / 60))" = "$told" ] || say "banshare-$role still starts${what:+: $what}"
      told=$what$((waited / 60))
      ;;
    deactivating/* | reloading/*) [ "$waited" -lt "$patience" ] || return 1 ;;
    *) return 1 ;;
    esac
    sleep 0.5 2>/dev/null || sleep 1
    waited=$(($(date +%s) - began_at))
    look
  done
  return 1
}

# The daemon answers on its socket; 69 says that there is none.
answers() {
  code=0
  "/usr/bin/banshare-$role" status >/dev/null 2>&1 || code=$?
  [ "$code" != 69 ]
}

# What is told at the end of one that is not up yet, while it lives.
goes_on() {
  [ "$main" != 0 ] && [ -d "/proc/$main" ] || return 1
  still_starts=${what:-it does not answer yet}
  warn "banshare-$role is installed, and not ready yet: $still_starts"
}

# The kernel lists what listens; the socket of a daemon that was killed stays as a file only.
still_runs() {
  [ "$live" = yes ] && grep -q " /run/banshare/$role/admin.sock$" /proc/net/unix
}
