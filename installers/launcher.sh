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
# A core dump would hold this host's key. Not every shell has a word for it.
# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null || :
# What the shells ask for completion, where the program has words of its own: a person waits for each key.
if [ "${1-}" = __complete ] && [ -f "$lib/@NAME@-complete.cjs" ]; then exec "$lib/node" "$lib/@NAME@-complete.cjs" "$@"; fi
exec "$lib/node" @FLAGS@ "$lib/@BUNDLE@" "$@"
