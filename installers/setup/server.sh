# shellcheck shell=sh disable=SC2034,SC2154
# The server of a fleet.

install_role() {
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
  start_service
  settle programs
  sweep_programs
  say ""
  ! with_systemd || /usr/bin/banshare-server status || :
  say "The server is $server, ports $report_port (reports) and $publish_port (bans). Each host needs client-install.sh of the same"
  say "make; it holds the key to join, so copy it with mode 0600 and remove it afterwards."
}

# A generation is complete or absent: it is made beside its place. One that is there gets back what it lacks.
install_generation() {
  home=/etc/banshare/generations/$generation
  if ! [ -d "$root$home" ]; then
    rm -rf "$root/etc/banshare/.generation"
    cp -R "$stage/new/generation" "$root/etc/banshare/.generation" || die "Cannot write $root$home"
    chmod 0700 "$root/etc/banshare/.generation"
    chmod 0600 "$root/etc/banshare/.generation"/*
    own banshare:banshare "$root/etc/banshare/.generation"
    for file in "$root/etc/banshare/.generation"/*; do own banshare:banshare "$file"; done
    mv "$root/etc/banshare/.generation" "$root$home" || die "Cannot put $root$home in place"
    new_generation=yes
    return 0
  fi
  begin generation
  for file in fleet.toml server.key server.key_secret join.key; do
    put 0600 banshare:banshare "generation/$file" "$home/$file"
  done
  swap
  ! changed generation || new_generation=yes
  settle generation
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
