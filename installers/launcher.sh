#!/bin/sh
# Starts the program with the runtime that lies beside its bundle, wherever the whole tree lies.
case $0 in
*/*) lib=${0%/*}/../lib/banshare ;;
*) lib=../lib/banshare ;;
esac
if ! [ -x "$lib/node" ]; then
  self=$(readlink -f "$0") && lib=${self%/*}/../lib/banshare
fi
# Meant for other programs of this machine, and able to stop this one, or to have it say or write what nobody asked for. All that this Node
# reads: to find out which are set would take a process.
unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE NODE_COMPILE_CACHE_PORTABLE NODE_DISABLE_COMPILE_CACHE \
  NODE_V8_COVERAGE NODE_DEBUG NODE_DEBUG_NATIVE NODE_REDIRECT_WARNINGS NODE_PENDING_DEPRECATION NODE_NO_WARNINGS \
  NODE_DISABLE_COLORS NODE_ICU_DATA NODE_PRESERVE_SYMLINKS NODE_PRESERVE_SYMLINKS_MAIN NODE_SKIP_PLATFORM_CHECK \
  NODE_TLS_REJECT_UNAUTHORIZED NODE_USE_ENV_PROXY NODE_USE_SYSTEM_CA NODE_CHANNEL_FD NODE_CHANNEL_SERIALIZATION_MODE \
  NODE_UNIQUE_ID NODE_CLUSTER_SCHED_POLICY NODE_PENDING_PIPE_INSTANCES NODE_INSPECT_RESUME_ON_START NODE_TEST_CONTEXT
# So is the machine's OpenSSL configuration, which Node reads at every start: what banshare asks of TLS stands in its own configuration.
OPENSSL_CONF=/dev/null
export OPENSSL_CONF
# A core dump would hold this host's key. Not every shell has a word for it.
# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null || :
# What the shells ask for completion, where the program has words of its own: a person waits for each key.
if [ "${1-}" = __complete ] && [ -f "$lib/@NAME@-complete.cjs" ]; then exec "$lib/node" "$lib/@NAME@-complete.cjs" "$@"; fi
exec "$lib/node" @FLAGS@ "$lib/@BUNDLE@" "$@"
