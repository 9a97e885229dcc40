import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { PUBLIC_SUFFIX, SECRET_SUFFIX } from '@banshare/transport';
import { dropKeyBefore, dropNextKey } from './key-files.ts';
import { type HostPaths, syncDirectory, writePrivate } from '@banshare/runtime';

/** A hash of this machine's id; undefined where it has none, as in some containers. */
export function machineHash(idPath: string): string | undefined {
  try {
    const id = readFileSync(idPath, 'utf8').trim();
    return id === '' ? undefined : createHash('sha256').update(`banshare/machine\0${id}`).digest('hex');
  } catch {
    return undefined;
  }
}

/** Notes beside the host key on which machine it was made. @throws the system's error. */
export function noteMachine(paths: HostPaths, hash: string | undefined): void {
  if (hash !== undefined) writePrivate(paths.keys.machine, `${hash}\n`);
}

/** Whether the host key was made on another machine: this one is its clone. */
export function isClone(paths: HostPaths, hash: string | undefined): boolean {
  try {
    return hash !== undefined && readFileSync(paths.keys.machine, 'utf8').trim() !== hash;
  } catch {
    return false;
  }
}

/**
 * On a clone, sets the key of the original aside, so that this machine enrols as a host of its own. Returns whether it is one.
 * @throws the system's error.
 */
export function setCloneAside(paths: HostPaths): boolean {
  if (!isClone(paths, machineHash(paths.machineId))) return false;
  const isThere = existsSync(paths.keys.host + SECRET_SUFFIX);
  setKeyAside(paths);
  return isThere;
}

/** Sets a clone's key aside. @throws the system's error. */
export function setKeyAside(paths: HostPaths): void {
  // With these it would speak for the original, or take its key from it.
  dropNextKey(paths);
  dropKeyBefore(paths);
  for (const suffix of [SECRET_SUFFIX, PUBLIC_SUFFIX]) {
    try {
      renameSync(paths.keys.host + suffix, `${paths.keys.host}-of-the-original${suffix}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  syncDirectory(paths.keys.dir);
}
