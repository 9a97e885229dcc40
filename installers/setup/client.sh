# shellcheck shell=sh disable=SC2034,SC2154
# The client: a host of the fleet.

# What stays open to be undone until the new version is up.
role_sets=programs

install_role() {
  refuse_lonely_client
  begin programs
  plan_programs
  plan_unit
  swap
  private_folder root:root /etc/banshare/keys
  private_folder root:root /var/spool/banshare
  note_installer
  install_config
  install_join_key
  install_fail2ban
  plan_confinement
  if [ "$live" = yes ]; then enrol || advise_enrolment; fi
  start_service
  settle programs
  sweep_programs
  advise_fail2ban
  advise_psad
  report_from_fail2ban
  if [ "$live" = yes ]; then
    say ""
    /usr/bin/banshare-client status || :
  else
    say "The client enrols itself when it first runs."
  fi
}

advise_enrolment() {
  later "This host is not enrolled yet (see above); banshare-client goes on trying while it runs. It has to reach"
  later "$server on TCP ports $report_port and $publish_port."
}

enrol() {
  if command -v timeout >/dev/null 2>&1; then
    timeout 30 /usr/bin/banshare-client enrol
  else
    /usr/bin/banshare-client enrol
  fi
}

# Such a build can only serve hosts that are the server as well; elsewhere it would wait for ever.
refuse_lonely_client() {
  [ "$live" = yes ] || return 0
  for each in $servers; do
    case $each in
    127.* | ::1 | localhost) ;;
    *) return 0 ;;
    esac
  done
  # The host's own configuration may name another server.
  ! grep -Eqs '^[[:space:]]*server[[:space:]]*=' "$root/etc/banshare/client.toml" "$root/etc/banshare/client.d"/*.toml "$stage/new/config/client.toml" || return 0
  listens "$report_port" || die "Cannot install: this client was built for a server on this machine ($server), and none listens on port $report_port.
Make one for your fleet with: make regen SERVER=bans.example.org, then make client-install.sh server-install.sh"
}

# A host that is enrolled deletes the pair again as soon as it has asked the server.
install_join_key() {
  begin join
  put 0600 root:root keys/join.key /etc/banshare/keys/join.key
  put 0600 root:root keys/join.key_secret /etc/banshare/keys/join.key_secret
  swap
  settle join
}

uninstall_role() {
  stop_service
  lift_bans
  uninstall_fail2ban
  uninstall_reporter
  rm -f "$root/usr/bin/banshare-client" "$root$unit_dir/banshare-follow.service"
  remove_units
  rm -f "$root$library/psad.conf"
  uninstall_library
  ! with_systemd || systemctl daemon-reload
  if [ "$purge" = yes ]; then
    rm -rf "$root/etc/banshare/keys" "$root/etc/banshare/joined.json" "$root/etc/banshare/client.toml" "$root/etc/banshare/client.d" "$root/var/lib/banshare/client" "$root/var/spool/banshare" "$root/run/banshare/client"
  else
    say "Configuration, keys and state are kept in /etc/banshare, /var/lib/banshare and /var/spool/banshare; --purge removes them."
  fi
}
