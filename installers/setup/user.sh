# shellcheck shell=sh disable=SC2034,SC2154
# The server's own user. Images get sysusers.d and tmpfiles.d instead, which make it when they first start.

service_user=banshare

make_user() {
  [ "$live" = yes ] || return 0
  ! id banshare >/dev/null 2>&1 || return 0
  shell=/usr/sbin/nologin
  [ -x "$shell" ] || shell=/sbin/nologin
  home=/var/lib/banshare/server
  if command -v useradd >/dev/null 2>&1; then
    useradd --system --user-group --no-create-home --home-dir "$home" --shell "$shell" banshare
  elif adduser --version >/dev/null 2>&1; then
    adduser --system --group --quiet --no-create-home --home "$home" --shell "$shell" banshare
  else
    # busybox
    addgroup -S banshare && adduser -S -D -H -h "$home" -s "$shell" -G banshare banshare
  fi >/dev/null || die "Cannot make the system user banshare, which the server runs as"
}

remove_user() {
  [ "$live" = yes ] && id banshare >/dev/null 2>&1 || return 0
  { userdel banshare || deluser banshare; } >/dev/null 2>&1 || later "The user banshare could not be removed: userdel banshare"
}
