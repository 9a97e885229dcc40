#!/bin/sh
# Starts the program with the runtime that lies beside its bundle, wherever the whole tree lies.
case $0 in
*/*) lib=${0%/*}/../lib/banshare ;;
*) lib=../lib/banshare ;;
esac
if ! [ -x "$lib/node" ]; then
  self=$(readlink -f "$0") && lib=${self%/*}/../lib/banshare
fi
# Meant for other programs of this machine, and able to stop this one.
unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE
# So is the machine's OpenSSL configuration, which Node reads at every start; banshare uses no TLS.
OPENSSL_CONF=/dev/null
export OPENSSL_CONF
exec "$lib/node" @FLAGS@ "$lib/@BUNDLE@" "$@"
