# shellcheck shell=sh disable=SC2034,SC2154
# The package of a host.

configure_role() {
  private_folder root:root /etc/banshare/keys
  private_folder root:root /var/spool/banshare
  note_installer
  [ "$upgrade" = yes ] || install_config
  sweep_installer
  install_fail2ban
  plan_confinement
  note_units
  settle_types
  start_packaged
  ! with_systemd || systemctl try-restart banshare-follow.service || :
  if [ "$upgrade" = no ]; then
    advise_fail2ban
    advise_psad
  fi
}

remove_role() {
  stop_packaged
  lift_bans
  uninstall_fail2ban
}
