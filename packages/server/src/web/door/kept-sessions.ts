import {
  constants,
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { NAME } from './names.ts';
import { MOST_SESSIONS, Sessions, type Login } from './sessions.ts';

/**
 * Logins that outlive a restart of the page, as at an upgrade: their hashes lie in a file in /run, which is memory and in no backup, and goes
 * with `systemctl stop banshare-web`. Where it cannot be written they end with the process. `warn` is told why, once.
 */
export function keptSessions(path: string, warn: (why: string) => void): Sessions {
  let hasWarned = false;
  const say = (why: string): void => {
    if (!hasWarned) warn(why);
    hasWarned = true;
  };
  return new Sessions(read(path, say), (logins) => {
    try {
      write(path, logins);
    } catch (error) {
      // Who logged out just now is not to come back with the file of before.
      rmSync(path, { force: true });
      say((error as Error).message);
    }
  });
}

/** None where there is no such file, or it is not this user's own. */
function read(path: string, say: (why: string) => void): readonly Login[] {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { uid, mode } = fstatSync(file);
    const isOwn = uid === process.geteuid?.() && (mode & constants.S_IFMT) === constants.S_IFREG;
    if (!isOwn || (mode & 0o077) !== 0)
      throw new Error(`${path} is not a file of this user alone (mode 0600)`);
    return loginsOf(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') say((error as Error).message);
    return [];
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** @throws where the folder is not there, or takes nothing. */
function write(path: string, logins: readonly Login[]): void {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, JSON.stringify(logins), { mode: 0o600, flag: 'wx' });
  renameSync(fresh, path);
}

/** @throws where it is not what this program writes. */
function loginsOf(kept: unknown): readonly Login[] {
  if (!Array.isArray(kept) || kept.length > MOST_SESSIONS || !kept.every(isLogin))
    throw new Error('it holds no logins');
  return kept;
}

function isLogin(each: unknown): each is Login {
  if (typeof each !== 'object' || each === null) return false;
  const { hash, name, until } = each as Record<string, unknown>;
  const isHash = typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
  return isHash && typeof name === 'string' && NAME.test(name) && typeof until === 'number';
}
