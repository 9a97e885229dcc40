import { readFileSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import type { Notes } from '../../host/echo-notes.ts';
import { addressesOnly } from '../addresses-only.ts';
import type { Enforcer } from '../enforcer.ts';
import { startBehind } from '../../host/socket-start.ts';
import type { Change, Effect } from '../../bans/change.ts';

/** psad takes 93 ms for an address, and one connection in each of its intervals. */
const MOST_AT_ONCE = 100;
/** The jail that psad's block script names on a host that is set up as README says. */
export const SCRIPT_JAIL = 'portscan';

/** The kernel's table of sockets; its flag of those that listen. */
const UNIX_SOCKETS = '/proc/net/unix';
const ACCEPTS = 0x10000;
const SOCKET_NAME = '/auto_ipt.sock';

/** Where psad listens, and where it writes down what it blocks. */
export type PsadPaths = { psadSocket: string; psadBlocked: string };

/** psad, and what else may be asked about it. */
export type Psad = Enforcer & {
  isThere: () => Promise<boolean>;
  /** Whether it blocks an address now, whoever wanted that. */
  blocks: (ip: string) => boolean;
  /** Which start of psad this is; undefined where there is no socket. */
  start: () => string | undefined;
};

/**
 * Has psad block addresses, several over one connection to its own socket. It answers nothing, and calls its block script for
 * each of them, which is banshare's own reporter: hence the notes.
 */
export function psadEnforcer(paths: PsadPaths, notes: Notes, timeoutMs: number): Psad {
  const { psadSocket: socket } = paths;
  const send = async (changes: readonly Change[]): Promise<string> => {
    const written: [string, string][] = [];
    try {
      for (const { kind, jail, ip } of changes) {
        for (const noted of kind === 'ban' ? new Set([jail, SCRIPT_JAIL]) : [])
          if (notes.write(noted, ip)) written.push([noted, ip]);
      }
      const text = changes.map(({ kind, ip }) => `${kind === 'ban' ? 'add' : 'del'} ${ip}\n`).join('');
      await write(socket, text, timeoutMs);
      return '';
    } catch (error) {
      for (const [jail, ip] of written) notes.remove(jail, ip);
      return (error as Error).message;
    }
  };
  const carryOut = async (changes: readonly Change[]): Promise<Effect[]> => {
    const blocked = changes.some(({ kind }) => kind === 'ban') ? blockedIn(paths.psadBlocked) : undefined;
    const isThereAlready = ({ kind, ip }: Change): boolean => kind === 'ban' && blocked?.has(ip) === true;
    const asked = changes.filter((change) => canBlock(change) && !isThereAlready(change));
    const reason = asked.length === 0 ? '' : await send(asked);
    return changes.map((change): Effect => {
      const { localJail } = change;
      if (!canBlock(change)) return { outcome: 'skipped', reason: 'psad blocks IPv4 only', localJail };
      if (isThereAlready(change)) return { outcome: 'already', localJail };
      return reason === '' ? { outcome: 'applied', localJail } : { outcome: 'failed', reason, localJail };
    });
  };
  return {
    kind: 'psad',
    mostAtOnce: MOST_AT_ONCE,
    isSerial: true,
    reach: 'jail',
    takesRanges: false,
    carryOut: (changes) => addressesOnly('psad', changes, carryOut),
    check: async () =>
      (await doesPsadListen(socket))
        ? []
        : [
            `psad does not listen at "${socket}". Install and start psad, with ENABLE_AUTO_IDS Y in /etc/psad/psad.conf.`,
          ],
    isThere: () => doesPsadListen(socket),
    // Where that cannot be read it may: psad takes the word to lift what it does not have, too.
    blocks: (ip) => blockedIn(paths.psadBlocked)?.has(ip) ?? true,
    start: () => startBehind(socket),
  };
}

/** psad knows IPv4 only, and takes a range for its first address. */
export function canBlock({ ip }: Pick<Change, 'ip'>): boolean {
  return !/[:/]/.test(ip);
}

/** What psad has blocked, whoever wanted it: it takes none of it a second time. Undefined where that cannot be read. */
function blockedIn(path: string): Set<string> | undefined {
  try {
    return new Set(readFileSync(path, 'utf8').match(/^[0-9.]+/gm));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Set() : undefined;
  }
}

/** Whether psad runs and blocks: only then it listens. It is not asked: it hears one connection in each of its intervals. */
export async function doesPsadListen(path: string): Promise<boolean> {
  try {
    const socket = await realpath(path);
    const listening = (await readFile(UNIX_SOCKETS, 'utf8')).split('\n').flatMap(listeningAt);
    const paths = await Promise.all(listening.map((at) => realpath(at).catch(() => '')));
    return paths.includes(socket);
  } catch {
    return false;
  }
}

/** Where a socket of the kernel's table listens, if it does, and has a path of this name. */
function listeningAt(line: string): string[] {
  const [, flags = '', path = ''] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +\d+ (\/.*)$/.exec(line) ?? [];
  const isListening = (Number.parseInt(flags, 16) & ACCEPTS) !== 0;
  return isListening && path.endsWith(SOCKET_NAME) ? [path] : [];
}

async function write(path: string, text: string, timeoutMs: number): Promise<void> {
  const socket = await open(path);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`psad is busy: it took nothing within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    socket.on('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`psad hung up: ${error.message}`));
    });
    // What is written waits in the socket until psad's next interval.
    socket.end(text, () => {
      clearTimeout(timer);
      socket.destroySoon();
      resolve();
    });
  });
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(socket.removeAllListeners('error')));
    socket.once('error', ({ code = 'no answer' }: NodeJS.ErrnoException) => {
      const why =
        code === 'EAGAIN'
          ? `psad is busy: too many wait at "${path}"`
          : `psad does not run: ${code} at "${path}"`;
      reject(new Error(why));
    });
  });
}
