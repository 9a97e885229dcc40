# shellcheck shell=sh disable=SC2034,SC2154
# What the installer is asked to do.

usage() {
  cat <<USAGE
Usage: sh $role-install.sh [OPTION]        (as root)
       DESTDIR=DIR sh $role-install.sh     installs below DIR: makes no user, starts and enrols nothing

Installs or upgrades banshare-$role $version of the generation $generation.

  --no-start     for an image: as with DESTDIR, but at /
  --uninstall    stops and removes the programs; keeps configuration, keys and state
  --purge        removes those as well
USAGE
  [ "$role" = client ] || cat <<USAGE
  --hook FILE    runs FILE as "FILE open|close REPORT-PORT PUBLISH-PORT" to open the local firewall, now and for
                 later upgrades; a copy of it is kept in /etc/banshare/firewall-hook
USAGE
  say "  --help         this text"
}

read_options() {
  task=install start=yes purge=no hook=
  while [ $# -gt 0 ]; do
    case $1 in
    --no-start) start=no ;;
    --uninstall) task=uninstall ;;
    --purge) task=uninstall purge=yes ;;
    --hook)
      [ "$role" = server ] || die "Cannot take --hook: the client opens no port"
      [ $# -gt 1 ] || die "Cannot take --hook without its FILE"
      hook=$2
      shift
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *)
      usage >&2
      exit 64
      ;;
    esac
    shift
  done
  root=${DESTDIR-}
  while [ "$root" != "${root%/}" ]; do root=${root%/}; done
  case $root in -*) root=./$root ;; esac
  refuse_shared_destination
  live=no
  if [ -z "$root" ] && [ "$start" = yes ]; then live=yes; fi
  if [ -n "$hook" ] && ! [ -f "$hook" ]; then die "Cannot find the hook \"$hook\""; fi
  if [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    die "Cannot change this machine: run the installer as root, or try it with DESTDIR=DIR below a folder of yours"
  fi
}
