import { existsSync, rmSync } from 'node:fs';
import { failpoint, type HostPaths } from '@banshare/runtime';
import {
  type HostKey,
  makeIdentity,
  PUBLIC_SUFFIX,
  readHostKey,
  SECRET_SUFFIX,
  writeHostKey,
} from '@banshare/transport';
import { bad, good, type HostName, type Result } from '@banshare/protocol';

/**
 * The key that shall follow: the one that an earlier try left, so that the server hears of one key and not of one for each
 * try, or a fresh one. It is on disk before anybody hears of it. @throws the system's error.
 */
export async function nextKey(paths: HostPaths, own: EnrolledKey): Promise<HostKey> {
  const { hostNext } = paths.keys;
  const left = existsSync(hostNext + SECRET_SUFFIX) ? readHostKey(hostNext) : undefined;
  // One that became this host's key already, when somebody was killed before it was removed here.
  if (left?.ok === true && left.value.publicHex !== own.publicHex) return left.value;
  const next = await makeIdentity();
  writeHostKey(hostNext, next, own.name);
  return next;
}

/**
 * Puts the next key in place of this host's, which is kept beside it for a server that is restored from an older backup.
 * Killed in between, the host has one of the two, and both are let in until the new one is used. @throws the system's error.
 */
export function putNextKey(paths: HostPaths, own: EnrolledKey, next: HostKey): EnrolledKey {
  const { host, hostBefore } = paths.keys;
  writeHostKey(hostBefore, own, own.name);
  failpoint('rotating');
  writeHostKey(host, next, own.name);
  failpoint('rotating');
  dropNextKey(paths);
  return { ...next, name: own.name };
}

/** Takes away what a rotation left that was killed after it had put the next key in place. @throws the system's error. */
export function tidyKeys(paths: HostPaths, own: EnrolledKey): void {
  if (!existsSync(paths.keys.hostNext + PUBLIC_SUFFIX)) return;
  const next = readHostKey(paths.keys.hostNext);
  if (next.ok && next.value.publicHex !== own.publicHex) return;
  // Its public half may still be that of the key before.
  writeHostKey(paths.keys.host, own, own.name);
  dropNextKey(paths);
}

/** Forgets the key that was to follow. @throws the system's error. */
export function dropNextKey(paths: HostPaths): void {
  for (const suffix of [SECRET_SUFFIX, PUBLIC_SUFFIX]) rmSync(paths.keys.hostNext + suffix, { force: true });
}

/** Forgets the key that was this host's before. @throws the system's error. */
export function dropKeyBefore(paths: HostPaths): void {
  for (const suffix of [SECRET_SUFFIX, PUBLIC_SUFFIX])
    rmSync(paths.keys.hostBefore + suffix, { force: true });
}

/** A host that the server accepted. */
export type EnrolledKey = HostKey & { name: HostName };

/** Reads the key of a host that is enrolled already; a key without a name was made, but never accepted. */
export function readEnrolled(paths: HostPaths): Result<EnrolledKey> {
  const read = readHostKey(paths.keys.host);
  if (!read.ok) return read;
  const { name } = read.value;
  return name === undefined
    ? bad('this host is not accepted by the server yet')
    : good({ ...read.value, name });
}

/** Notes beside the key that the server calls this host by another name: reports go out under it. */
export function goByName(name: HostName, paths: HostPaths, key: EnrolledKey): Result<HostName> {
  try {
    writeHostKey(paths.keys.host, key, name);
    return good(name);
  } catch (error) {
    return bad(`Cannot note the name "${name}" in "${paths.keys.host}": ${(error as Error).message}`);
  }
}
