# shellcheck shell=sh disable=SC2034,SC2154
# The server of a fleet.

# What stays open to be undone until the new version is up.
role_sets="programs generation"

install_role() {
  refuse_taken_ports
  make_user
  begin programs
  plan_programs
  plan_unit
  if [ "$live" = no ]; then
    put 0644 root:root systemd/sysusers.conf /usr/lib/sysusers.d/banshare.conf
    put 0644 root:root systemd/tmpfiles.conf /usr/lib/tmpfiles.d/banshare.conf
  fi
  swap
  private_folder banshare:banshare /etc/banshare/generations
  private_folder banshare:banshare /var/lib/banshare/server
  install_config
  install_generation
  reserve_ports
  open_firewall
  refuse_faults
  start_service
  settle programs
  settle generation
  sweep_programs
  close_retired
  say ""
  ! with_systemd || /usr/bin/banshare-server status || :
  say "The server is $server, ports $report_port (reports) and $publish_port (bans). Each host needs client-install.sh of the same"
  say "make; it holds the key to join, so copy it with mode 0600 and remove it afterwards."
}

# A server that cannot have its ports does not start, and serves the earlier generations no more either.
refuse_taken_ports() {
  [ "$live" = yes ] && ! [ -d "/etc/banshare/generations/$generation" ] || return 0
  for port in $report_port $publish_port; do
    ! listens "$port" || die "Cannot install: something on this machine listens on port $port already; nothing was changed.
Make a generation with other ports: make regen, then make server-install.sh"
  done
}

# A server that runs is restarted only with what it can serve.
refuse_faults() {
  [ "$live" = yes ] && [ "$upgrade" = yes ] || return 0
  fault=$(/usr/bin/banshare-server --check 2>&1) ||
    die "Cannot serve the generation $generation beside the others, so the previous installation is put back: $fault"
}

# A generation is complete or absent: it is made beside its place. One that is there gets back what it lacks.
install_generation() {
  home=/etc/banshare/generations/$generation
  begin generation
  if ! [ -d "$root$home" ]; then
    rm -rf "$root/etc/banshare/.generation"
    cp -R "$stage/new/generation" "$root/etc/banshare/.generation" || die "Cannot write $root$home"
    chmod 0700 "$root/etc/banshare/.generation"
    chmod 0600 "$root/etc/banshare/.generation"/*
    own banshare:banshare "$root/etc/banshare/.generation"
    for file in "$root/etc/banshare/.generation"/*; do own banshare:banshare "$file"; done
    place_folder /etc/banshare/.generation "$home"
    new_generation=yes
    return 0
  fi
  for file in fleet.toml server.key server.key_secret join.key; do
    put 0600 banshare:banshare "generation/$file" "$home/$file"
  done
  swap
  ! changed generation || new_generation=yes
}

uninstall_role() {
  stop_service
  close_firewall
  rm -f "$root/usr/bin/banshare-server" "$root$unit_dir/banshare-server.service" "$root/usr/lib/sysusers.d/banshare.conf" \
    "$root/usr/lib/tmpfiles.d/banshare.conf" "$root$reserved_file"
  uninstall_library
  ! with_systemd || systemctl daemon-reload
  if [ "$purge" = yes ]; then
    rm -rf "$root/etc/banshare/generations" "$root/etc/banshare/server.toml" "$root$hook_file" "$root$opened_file" "$root/var/lib/banshare/server" "$root/run/banshare/server"
    remove_user
  else
    say "Configuration, keys and the ledger are kept in /etc/banshare and /var/lib/banshare; --purge removes them."
  fi
}
