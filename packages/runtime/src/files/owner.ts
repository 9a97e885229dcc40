import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/*
 * Root does nothing by name below a folder that another user may write: that user could have laid a link there, or lay one
 * between a look and the deed, and root would read, overwrite, remove or give away what the link names. The way down to a
 * folder is walked from `/`: as long as only root may write, nobody else can change what was seen. The first part that is
 * another user's decides whose folder it is, and there root works with that user's rights and no more.
 */

/** Somebody who may write a folder, and his own group. */
export type Owner = { readonly uid: number; readonly gid: number };

const MOST_LINKS = 40;
/** No file is its own: a group that owns nothing, where /etc/passwd does not know the user. */
const NO_GROUP = 65_534;
/** The kernel shows users by it that a user namespace does not know. */
const NOBODY = 65_534;

/**
 * Whose a folder is, where this process is root and it is another's; undefined where only root may write on the way to it.
 * A folder that is not there yet is whose its parent is. @throws where everybody, or a whole group, may write on the way.
 */
export function ownerOf(folder: string): Owner | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  let path = '/';
  let names = resolve(folder).split('/').filter(Boolean);
  for (let links = 0; ;) {
    const file = lstatSync(path, { throwIfNoEntry: false });
    if (file === undefined) return undefined;
    if (file.uid !== 0 && !isUnmapped(file.uid)) return { uid: file.uid, gid: groupOf(file.uid) };
    if (file.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) throw new Error(`Cannot use ${folder}: too many links on the way`);
      names = [...resolve(dirname(path), readlinkSync(path)).split('/').filter(Boolean), ...names];
      path = '/';
    } else refuseShared(file, path, folder);
    const [name, ...rest] = names;
    if (name === undefined) return undefined;
    path = join(path, name);
    names = rest;
  }
}

/**
 * Works in a folder with the rights of whose it is, where this process is root; the work has to end before it returns.
 * @throws as the work does, and where it cannot be said whose the folder is.
 */
export function asOwner<T>(folder: string, work: () => T): T {
  const owner = ownerOf(folder);
  if (owner === undefined) return work();
  const groups = process.getgroups?.() ?? [];
  const group = process.getegid?.() ?? 0;
  process.setgroups?.([]);
  process.setegid?.(owner.gid);
  process.seteuid?.(owner.uid);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(group);
    process.setgroups?.(groups);
  }
}

/** Goes on for good with the rights of whose a folder is, where this process is root. @throws as ownerOf(). */
export function becomeOwner(folder: string): void {
  const owner = ownerOf(folder);
  if (owner === undefined) return;
  process.setgroups?.([]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}

/** In a user namespace the folders of the real root are nobody's; its own root could not become anybody outside it anyway. */
function isUnmapped(uid: number): boolean {
  if (uid !== NOBODY) return false;
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'utf8'));
  } catch {
    return false;
  }
}

function refuseShared({ mode, gid }: { mode: number; gid: number }, path: string, folder: string): void {
  const isSticky = (mode & 0o1000) !== 0;
  const isShared = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0);
  if (!isShared || isSticky) return;
  throw new Error(
    `Cannot use ${folder} as root: more users than root may write ${path}; take that away with chmod go-w ${path}`,
  );
}

/** A user's own group: that of his folder may be one with more rights than he has. */
function groupOf(uid: number): number {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n');
    const user = users.map((line) => line.split(':')).find((fields) => fields[2] === String(uid));
    return user === undefined ? NO_GROUP : Number(user[3]);
  } catch {
    return NO_GROUP;
  }
}
