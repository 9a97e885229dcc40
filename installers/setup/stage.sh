# shellcheck shell=sh disable=SC2015,SC2034,SC2154
# Where an installer unpacks, and notes what it changes so that it can be undone however this ends.

# The stage lies beside the target, and says who is at work in it.
open_stage() {
  stage=$root/usr/lib/.banshare-install
  folder /usr/lib
  if ! mkdir "$stage" 2>/dev/null; then
    busy=$(cat "$stage/pid" 2>/dev/null) || busy=
    [ -d "$stage" ] || die "Cannot write to $root/usr/lib"
    if [ -n "$busy" ] && kill -0 "$busy" 2>/dev/null; then die "Cannot install: another installer is at work (process $busy)"; fi
    rm -rf "$stage" && mkdir "$stage" || die "Cannot remove $stage, which an earlier installer left"
  fi
  echo $$ >"$stage/pid"
  trap close_stage EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # A reader that goes away must not leave things half done.
  trap : PIPE
}

close_stage() {
  outcome=$?
  trap - EXIT
  for begun in "$stage"/*.done; do
    [ ! -f "$begun" ] || { begun=${begun##*/} && undo "${begun%.done}"; }
  done
  rm -rf "$stage"
  exit "$outcome"
}
