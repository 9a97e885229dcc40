import { accessSync, appendFileSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Notes } from '../host/echo-notes.ts';
import { addressesOnly } from './addresses-only.ts';
import type { Enforcer } from './enforcer.ts';
import type { Change, Effect } from '../bans/change.ts';

/**
 * Writes a line for a jail that watches this file and bans at the first one. The file is opened each time: logrotate may have
 * moved it. now is epoch seconds by this host's clock, which is fail2ban's.
 */
export function logEnforcer(path: string, notes: Notes, now: () => number): Enforcer {
  const write = (changes: readonly Change[]): string => {
    try {
      // What bans by this line may report: that report is an echo.
      for (const { localJail, ip } of changes) notes.write(localJail, ip);
      appendFileSync(path, changes.map((change) => lineOf(change, now())).join(''), { mode: 0o640 });
      return '';
    } catch (error) {
      return `Cannot write to "${path}": ${(error as Error).message}`;
    }
  };
  const carryOut = async (changes: readonly Change[]): Promise<Effect[]> => {
    const bans = changes.filter(({ kind }) => kind === 'ban');
    const reason = bans.length === 0 ? '' : write(bans);
    return changes.map((change): Effect => {
      const { localJail } = change;
      if (change.kind === 'unban') return liftedByItself(change, path);
      return reason === '' ? { outcome: 'applied', localJail } : { outcome: 'failed', reason, localJail };
    });
  };
  return {
    kind: 'log',
    // Each has a note, a file that is made here and now: timers and commands wait meanwhile.
    mostAtOnce: 250,
    isSerial: true,
    reach: 'jail',
    takesRanges: false,
    carryOut: (changes) => addressesOnly('log', changes, carryOut),
    check: async () =>
      whyNotWritable(path).map(
        (why) => `The log "${path}" cannot be written: ${why}, or set another [apply] log-file.`,
      ),
  };
}

function whyNotWritable(path: string): string[] {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file?.isFile() === false) return ['it is not a file. Remove it'];
  if (!existsSync(dirname(path))) return ['its folder is not there. Make it'];
  try {
    accessSync(file === undefined ? dirname(path) : path, constants.W_OK);
    return [];
  } catch (error) {
    return [`${(error as Error).message}. Allow it, with ReadWritePaths= of the unit where that forbids it`];
  }
}

/** A line bans but does not lift: the jail does that by its own bantime. */
function liftedByItself({ localJail, seconds }: Change, path: string): Effect {
  if (seconds === 0) return { outcome: 'applied', localJail };
  return { outcome: 'skipped', reason: `the jail that reads ${path} lifts it by its bantime`, localJail };
}

/** As the shared jail's filter reads it: `: <HOST>: reported by .*`. */
function lineOf({ ip, host, jail }: Change, now: number): string {
  const time = new Date(now * 1000).toISOString().replace(/\.\d+Z$/, '+00:00');
  const text = `${time} banshare: ${ip}: reported by ${host} (${jail})`;
  // One line and plain letters, whatever a field should hold.
  return `${text.replaceAll(/[^\x20-\x7e]/g, '?')}\n`;
}
