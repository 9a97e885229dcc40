# shellcheck shell=sh disable=SC2154
# The configuration that was shipped with this role: it is the administrator's from then on.

install_config() {
  [ -f "$stage/new/config/$role.toml" ] && ! [ -e "$root/etc/banshare/$role.toml" ] || return 0
  begin config
  put 0644 root:root "config/$role.toml" "/etc/banshare/$role.toml"
  swap
  settle config
}
