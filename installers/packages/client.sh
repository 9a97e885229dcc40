# shellcheck shell=sh disable=SC2034,SC2154
# The package of a host.

configure_role() {
  private_folder root:root /etc/banshare/keys
  private_folder root:root /var/spool/banshare
  note_installer
  [ "$upgrade" = yes ] || install_config
  install_fail2ban
  plan_confinement
  note_units
  settle_types
  in_fleet=no
  ! [ -e "$root/etc/banshare/keys/host.key_secret" ] && ! [ -e "$root/etc/banshare/keys/join.key_secret" ] || in_fleet=yes
  start_packaged
  ! with_systemd || systemctl try-restart banshare-follow.service || :
  sweep_earlier
  if [ "$upgrade" = no ]; then
    advise_fail2ban
    advise_psad
    [ "$in_fleet" = yes ] || advise_joining
  fi
}

advise_joining() {
  later "This host is in no fleet yet. Either on the server, and then here with that file:"
  later "  banshare-server token add >token"
  later "  banshare-client join --file token"
  later "or, without any secret, have banshare-server hosts admit - read there what this prints here:"
  later "  banshare-client key"
}

remove_role() {
  stop_packaged
  lift_bans
  uninstall_fail2ban
}
