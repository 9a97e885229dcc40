# shellcheck shell=sh disable=SC2034,SC2154
# The server's ports: kept from being handed out for outgoing connections, and opened in the local firewall by the
# administrator's hook.

reserved=/proc/sys/net/ipv4/ip_local_reserved_ports
reserved_file=/etc/sysctl.d/60-banshare.conf

# The ports of every generation in service, with commas. The server's user may write the files: see owner.sh.
ports_in_service() {
  # shellcheck disable=SC2016
  as_owner "$root/etc/banshare/generations" 'for file in "$1"/*/fleet.toml; do ! [ -f "$file" ] || cat "$file"; done' \
    "$root/etc/banshare/generations" | sed -n 's/^\(report\|publish\)-port = \([1-9][0-9]\{0,4\}\)$/\2/p' |
    sort -un | head -n 64 | paste -sd, -
}

# without_ports LIST PORTS: the kernel's list, in which neighbours are ranges, less some ports.
without_ports() {
  awk -v list="$1" -v less="$2" 'BEGIN {
    count = split(less, gone, ",")
    for (i = 1; i <= count; i++) is_gone[gone[i] + 0] = 1
    count = split(list, ranges, ",")
    for (i = 1; i <= count; i++) {
      last = split(ranges[i], ends, "-")
      for (port = ends[1] + 0; port <= ends[last] + 0; port++)
        if (port > 0 && !is_gone[port]) { printf "%s%d", comma, port; comma = "," }
    }
    print ""
  }'
}

# What an earlier run reserved, also for generations that are retired since.
ports_of_ours() {
  sed -n 's/^# banshare: these are its own: //p' "$root$reserved_file" 2>/dev/null || :
}

reserve_ports() {
  own=$(ports_in_service)
  list=$own
  if [ "$live" = yes ] && [ -w "$reserved" ]; then
    # The file sets the whole list at boot, so it repeats what others reserved.
    others=$(without_ports "$(cat "$reserved")" "$(ports_of_ours)")
    if echo "${others:+$others,}$list" 2>/dev/null >"$reserved"; then list=$(cat "$reserved"); fi
  fi
  folder /etc/sysctl.d
  {
    echo '# banshare: these ports are not for outgoing connections'
    echo "# banshare: these are its own: $own"
    echo "net.ipv4.ip_local_reserved_ports = $list"
  } >"$stage/new/sysctl.conf"
  begin sysctl
  put 0644 root:root sysctl.conf "$reserved_file"
  swap
  settle sysctl
}

# Gives back to the kernel what this server reserved.
release_ports() {
  [ "$live" = yes ] && [ -w "$reserved" ] || return 0
  own=$(ports_of_ours)
  [ -n "$own" ] || own=$(ports_in_service)
  without_ports "$(cat "$reserved")" "$own" 2>/dev/null >"$stage/new/reserved"
  cat "$stage/new/reserved" 2>/dev/null >"$reserved" || :
}

hook_file=/etc/banshare/firewall-hook
opened_file=/etc/banshare/firewall-hook.opened

# Runs the hook once for each pair of ports, and again when the hook is a new one.
open_firewall() {
  if [ -n "$hook" ]; then
    cp "$hook" "$stage/new/hook"
    begin hook
    put 0700 root:root hook "$hook_file"
    swap
    ! changed hook || rm -f "$root$opened_file"
    settle hook
  fi
  [ "$live" = yes ] || return 0
  if ! [ -x "$hook_file" ]; then
    later "Let your hosts reach TCP ports $report_port and $publish_port: in this machine's firewall, and in your provider's."
    return 0
  fi
  ! grep -qxs "$report_port $publish_port" "$opened_file" || return 0
  if "$hook_file" open "$report_port" "$publish_port"; then
    echo "$report_port $publish_port" >>"$opened_file"
  else
    later "The hook $hook_file failed with $?: let your hosts reach TCP ports $report_port and $publish_port yourself."
  fi
}

# Closes what a retired generation left open, where "banshare-server retire" could not.
close_retired() {
  [ "$live" = yes ] && [ -x "$hook_file" ] && [ -f "$opened_file" ] || return 0
  served=",$(ports_in_service),"
  : >"$stage/new/opened"
  while read -r report publish; do
    case $served in
    *",$report,"*) ;;
    *)
      ! "$hook_file" close "$report" "$publish" </dev/null || continue
      later "The hook $hook_file failed: close TCP ports $report and $publish yourself."
      ;;
    esac
    echo "$report $publish" >>"$stage/new/opened"
  done <"$opened_file"
  begin opened
  put 0600 root:root opened "$opened_file"
  swap
  settle opened
}

close_firewall() {
  [ "$live" = yes ] && [ -x "$hook_file" ] && [ -f "$opened_file" ] || return 0
  while read -r report publish; do
    "$hook_file" close "$report" "$publish" </dev/null || later "The hook failed: close TCP ports $report and $publish yourself."
  done <"$opened_file"
  rm -f "$opened_file"
}
