import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import type { Notes } from '../notes.ts';
import type { Change, Effect, Enforcer } from './enforcer.ts';

/** psad takes 93 ms for an address, and one connection in each of its intervals. */
const MOST_AT_ONCE = 100;

/**
 * Has psad block addresses, several over one connection to its own socket. It answers nothing, and calls its block script for
 * each of them, which is banshare's own reporter: hence the notes.
 */
export function psadEnforcer(socket: string, notes: Notes, timeoutMs: number): Enforcer {
  const send = async (changes: readonly Change[]): Promise<string> => {
    try {
      for (const { kind, localJail, ip } of changes) if (kind === 'ban') notes.write(localJail, ip);
      await write(
        socket,
        changes.map(({ kind, ip }) => `${kind === 'ban' ? 'add' : 'del'} ${ip}\n`).join(''),
        timeoutMs,
      );
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  return {
    kind: 'psad',
    mostAtOnce: MOST_AT_ONCE,
    isSerial: true,
    place: 'jail',
    carryOut: async (changes) => {
      const known = changes.filter(({ ip }) => !ip.includes(':'));
      const reason = known.length === 0 ? '' : await send(known);
      return changes.map(({ ip, localJail }): Effect => {
        if (ip.includes(':')) return { outcome: 'skipped', reason: 'psad blocks IPv4 only', localJail };
        return reason === '' ? { outcome: 'applied', localJail } : { outcome: 'failed', reason, localJail };
      });
    },
    check: async () =>
      existsSync(socket) ? [] : [`psad does not run with ENABLE_AUTO_IDS: there is no socket "${socket}".`],
  };
}

function write(path: string, text: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`psad is busy: it took nothing within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(new Error(`psad does not run: ${code ?? 'no answer'} at "${path}"`));
    });
    // What is written waits in the socket until psad's next interval.
    socket.end(text, () => {
      clearTimeout(timer);
      socket.destroySoon();
      resolve();
    });
  });
}
