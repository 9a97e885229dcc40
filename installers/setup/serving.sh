# shellcheck shell=sh disable=SC2034,SC2154
# What the server needs of its machine, and whether it can serve what it has.

make_server_folders() {
  make_socket_folders
  private_folder banshare:banshare /etc/banshare/generations
  private_folder banshare:banshare /var/lib/banshare/server
  # For the tokens and addresses of [[notify]].
  private_folder banshare-outside:banshare-outside /etc/banshare/outside
}

# Who may ask the server beside root: what is made in these folders has the folder's group. See tmpfiles-run.conf, which makes them at
# each start of the machine.
make_socket_folders() {
  [ "$live" = yes ] || return 0
  folder /run/banshare
  for each in /run/banshare/operators /run/banshare/page /run/banshare/outside; do
    folder "$each"
    { chown "banshare:banshare-${each##*/}" "$each" && chmod 2750 "$each"; } ||
      die "Cannot make the folder $each of the group banshare-${each##*/}"
  done
}

# A server that runs is restarted only with what it can serve.
refuse_faults() {
  [ "$live" = yes ] && [ "$upgrade" = yes ] || return 0
  code=0
  fault=$(/usr/bin/banshare-server --check 2>&1) || code=$?
  # 75 says that its database is away, which the server that runs lacks as well: the new one waits for it.
  [ "$code" = 0 ] || [ "$code" = 75 ] ||
    die "Cannot serve the generation $generation beside the others, ${put_back:-so the previous installation is put back}: $fault"
}
