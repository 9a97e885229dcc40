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
  if [ "$live" = no ] || with_systemd; then
    put 0644 root:root systemd/tmpfiles-run.conf /usr/lib/tmpfiles.d/banshare-run.conf
  fi
  swap
  make_server_folders
  install_config
  install_generation
  reserve_ports
  open_firewall
  refuse_faults
  start_service
  # Where it runs it is of the version before. Its unit starts behind the server's, which may wait for its database.
  ! with_systemd || systemctl ${still_starts:+--no-block} try-restart banshare-web.service 2>/dev/null || :
  settle programs
  settle generation
  sweep_programs
  close_retired
  say ""
  ! with_systemd || [ -n "$still_starts" ] || /usr/bin/banshare-server status || :
  say "Hosts reach the server as $server, ports $report_port (reports) and $publish_port (bans). Each needs client-install.sh of the same
make; it holds the key to join, so copy it with mode 0600 and remove it afterwards. Enrolment that is open ends after a day;
then you let each host in with banshare-server hosts approve. Once hosts are in, banshare-server drill tries it all."
}

# A server that cannot have its ports does not start, and serves the earlier generations no more either.
refuse_taken_ports() {
  [ "$live" = yes ] && ! [ -d "/etc/banshare/generations/$generation" ] || return 0
  for port in $report_port $publish_port; do
    ! listens "$port" || die "Cannot install: something on this machine listens on port $port already; nothing was changed.
Make a generation with other ports: make regen, then make server-install.sh"
  done
}

# A generation is complete or absent: it is made beside where it belongs. One that is there gets back what it lacks, and a copy of what
# it was waits beside it. All of it belongs to the server's user, and is done as that user: see owner.sh.
# shellcheck disable=SC2016 # for the shell that runs it
lay_generation='
cd "$1" || exit 1
shift
name=$1 new=.$1.new old=.$1.old
shift
rm -rf "$new" "$old"
mkdir "$new" && tar -xmf - -C "$new" && chmod 0700 "$new" && chmod 0600 "$new"/* || exit 1
if ! [ -d "$name" ] || [ -L "$name" ]; then
  rm -f "$name"
  echo new
  exec mv "$new" "$name"
fi
for file in "$@"; do cmp -s "$new/$file" "$name/$file" || differs=yes; done
if [ "${differs-}" = yes ]; then
  cp -Rp "$name" "$old" && echo changed || exit 1
  for file in "$@"; do mv -f "$new/$file" "$name/$file" || exit 1; done
fi
chmod 0600 "$name/fleet.toml" "$name/server.key" "$name/server.key_secret" "$name/join.key"
rm -rf "$new"
'

install_generation() {
  begin generation
  : >"$stage/generation.laid"
  (cd "$stage/new/generation" && tar -cf - .) |
    in_generations "$lay_generation" fleet.toml server.key server.key_secret join.key >"$stage/generation.laid" ||
    die "Cannot write $root/etc/banshare/generations/$generation; the previous installation is put back"
  ! [ -s "$stage/generation.laid" ] || new_generation=yes
}

# in_generations SCRIPT ARGUMENT...: the script gets the folder of the generations and this one's name first.
in_generations() {
  script=$1
  shift
  as_owner "$root/etc/banshare/generations" "$script" "$root/etc/banshare/generations" "$generation" "$@"
}

settle_generation() {
  # shellcheck disable=SC2016
  in_generations 'cd "$1" && rm -rf ".$2.new" ".$2.old"'
}

undo_generation() {
  # shellcheck disable=SC2016
  in_generations 'cd "$1" || exit 1
    case $3 in
    new) rm -rf "$2" ;;
    *) ! [ -d ".$2.old" ] || { rm -rf "$2" && mv ".$2.old" "$2"; } ;;
    esac
    rm -rf ".$2.new"' "$(cat "$stage/generation.laid")" || warn "Cannot put back $root/etc/banshare/generations/$generation"
}

uninstall_role() {
  stop_service
  close_firewall
  release_ports
  # While the runtime is here, by which this goes on as another user.
  if [ "$purge" = yes ]; then
    for each in /etc/banshare/generations /var/lib/banshare/server /run/banshare/server /run/banshare/operators /run/banshare/page \
      /run/banshare/outside /var/lib/banshare/outside /var/lib/banshare/backup /etc/banshare/outside; do
      purge_folder "$each"
    done
    rm -rf "$root/etc/banshare/server.d"
    rm -f "$root/etc/banshare/server.toml" "$root$hook_file" "$root$opened_file"
  fi
  rm -f "$root/usr/bin/banshare-server" "$root$unit_dir/banshare-outside.service" \
    "$root$unit_dir/banshare-mail.socket" "$root$unit_dir/banshare-mail@.service" "$root/usr/lib/sysusers.d/banshare.conf" "$root/usr/lib/tmpfiles.d/banshare.conf" \
    "$root/usr/lib/tmpfiles.d/banshare-run.conf" "$root$reserved_file"
  remove_units
  uninstall_library
  ! with_systemd || systemctl daemon-reload
  if [ "$purge" = yes ]; then
    remove_user
  else
    say "Configuration, keys and the ledger are kept in /etc/banshare and /var/lib/banshare; --purge removes them."
  fi
}
