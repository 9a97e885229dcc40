# shellcheck shell=sh disable=SC2034,SC2154
# The server's ports: kept from being handed out for outgoing connections, and opened in the local firewall by the
# administrator's hook.

reserved=/proc/sys/net/ipv4/ip_local_reserved_ports
reserved_file=/etc/sysctl.d/60-banshare.conf

# The ports of every generation in service, with commas.
ports_in_service() {
  sed -n 's/^\(report\|publish\)-port = \([0-9]*\)$/\2/p' "$root"/etc/banshare/generations/*/fleet.toml | sort -un | paste -sd, -
}

reserve_ports() {
  list=$(ports_in_service)
  if [ "$live" = yes ] && [ -w "$reserved" ]; then
    # The file sets the whole list at boot, so it repeats what others reserved.
    others=$(cat "$reserved")
    if echo "${others:+$others,}$list" 2>/dev/null >"$reserved"; then list=$(cat "$reserved"); fi
  fi
  folder /etc/sysctl.d
  printf '# banshare: these ports are not for outgoing connections\nnet.ipv4.ip_local_reserved_ports = %s\n' "$list" >"$stage/new/sysctl.conf"
  begin sysctl
  put 0644 root:root sysctl.conf "$reserved_file"
  swap
  settle sysctl
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
