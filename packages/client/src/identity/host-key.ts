import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { good, type Result } from '@banshare/protocol';
import { makePrivateDirectory, syncDirectory, type HostPaths } from '@banshare/runtime';
import {
  type HostKey,
  makeIdentity,
  PUBLIC_SUFFIX,
  readHostKey,
  SECRET_SUFFIX,
  writeHostKey,
} from '@banshare/transport';
import { machineHash, noteMachine } from './clone.ts';

/**
 * The key of this host: the one that was made at an earlier try, so that the server meets one host and not one for each try, or a fresh
 * one. One that is there and cannot be read is a fault, never replaced: it may be this host's identity.
 * @throws the system's error where none can be made.
 */
export async function ownHostKey(paths: HostPaths): Promise<Result<HostKey>> {
  if (existsSync(paths.keys.host + SECRET_SUFFIX)) return readHostKey(paths.keys.host);
  makePrivateDirectory(paths.keys.dir);
  const identity = await makeIdentity();
  // Before the key: a key without this note would never be known as a clone's.
  noteMachine(paths, machineHash(paths.machineId));
  // A command and the daemon may make one at the same time, and somebody may have been told the one that is there by then.
  return isFirst(paths, identity) ? good(identity) : readHostKey(paths.keys.host);
}

/** Puts a key in place, unless one is there; returns whether it was. @throws the system's error. */
function isFirst({ keys: { dir, host } }: HostPaths, identity: HostKey): boolean {
  const made = `${host}-made-${randomBytes(6).toString('hex')}`;
  try {
    writeHostKey(made, identity);
    linkSync(made + SECRET_SUFFIX, host + SECRET_SUFFIX);
    renameSync(made + PUBLIC_SUFFIX, host + PUBLIC_SUFFIX);
    syncDirectory(dir);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    for (const suffix of [SECRET_SUFFIX, PUBLIC_SUFFIX]) rmSync(made + suffix, { force: true });
  }
}
