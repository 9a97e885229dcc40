# shellcheck shell=sh disable=SC2034,SC2154
# The server's own user, those of the page and of messages, and the groups that may ask the server. Images get sysusers.d and tmpfiles.d instead, which
# make them when they first start.

service_user=banshare

make_user() {
  [ "$live" = yes ] || return 0
  make_account banshare /var/lib/banshare/server "which the server runs as"
  make_account banshare-web / "which the page runs as"
  make_account banshare-outside / "which sends the messages"
  for each in banshare-operators banshare-page; do
    has_group "$each" || { groupadd --system "$each" 2>/dev/null || addgroup --system "$each" 2>/dev/null || addgroup -S "$each"; } >/dev/null ||
      die "Cannot make the group $each"
  done
}

# make_account NAME HOME WHAT-FOR: a user who cannot log in, with a group of his own.
make_account() {
  ! id "$1" >/dev/null 2>&1 || return 0
  shell=/usr/sbin/nologin
  [ -x "$shell" ] || shell=/sbin/nologin
  if command -v useradd >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir "$2" --shell "$shell" "$1"
  elif adduser --version >/dev/null 2>&1; then
    adduser --system --group --quiet --no-create-home --home "$2" --shell "$shell" "$1"
  else
    # busybox
    addgroup -S "$1" && adduser -S -D -H -h "$2" -s "$shell" -G "$1" "$1"
  fi >/dev/null || die "Cannot make the system user $1, $3"
}

has_group() {
  grep -q "^$1:" /etc/group
}

remove_user() {
  [ "$live" = yes ] || return 0
  for each in banshare banshare-web banshare-outside; do
    ! id "$each" >/dev/null 2>&1 || { userdel "$each" || deluser "$each"; } >/dev/null 2>&1 ||
      later "The user $each could not be removed: userdel $each"
  done
  for each in banshare-operators banshare-page; do
    ! has_group "$each" || { groupdel "$each" || delgroup "$each"; } >/dev/null 2>&1 || later "The group $each could not be removed: groupdel $each"
  done
}
