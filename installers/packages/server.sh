# shellcheck shell=sh disable=SC2034,SC2154
# The package of the server. It holds no key: a generation's comes by `banshare-server generation add`.

configure_role() {
  ! command -v systemd-sysusers >/dev/null 2>&1 || systemd-sysusers banshare.conf || :
  make_user
  make_server_folders
  [ "$upgrade" = yes ] || install_config
  note_units
  settle_types
  if has_generation "*"; then
    reserve_ports
    # Who opens them by hand was told when the generation came.
    if has_generation "$generation" && { [ "$upgrade" = no ] || [ -x "$hook_file" ]; }; then open_firewall; fi
    put_back="so the server that runs is left as it is${earlier:+; the version before is back with: $earlier}"
    refuse_faults
    start_packaged
    ! with_systemd || systemctl try-restart banshare-web.service banshare-outside.service || :
    close_retired
  fi
  start_timers
  sweep_earlier
  has_generation "$generation" || advise_generation
}

has_generation() {
  generations=/etc/banshare/generations
  for each in "$generations"/$1/fleet.toml; do [ -f "$each" ] && return 0; done
  return 1
}

advise_generation() {
  later "This server has no keys of the generation $generation yet, which the packages of the same make are for. Where those were made:"
  later "  make generation-file"
  later "brings them as one file. Copy it here with mode 0600, and before any host is upgraded:"
  later "  banshare-server generation add FILE"
}

remove_role() {
  stop_packaged
  close_firewall
  release_ports
  rm -f "$reserved_file" /var/lib/prometheus/node-exporter/banshare-server.prom
}
