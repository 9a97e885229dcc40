import { DatabaseSync } from 'node:sqlite';
import { parseAddress } from '@banshare/protocol';
import type { Imported } from './import-file.ts';

/** What every SQLite file begins with. */
const MAGIC = 'SQLite format 3\0';

/** Whether these are the first bytes of a SQLite file, such as fail2ban keeps its bans in. */
export function isSqlite(head: Uint8Array): boolean {
  return Buffer.from(head).subarray(0, MAGIC.length).toString('latin1') === MAGIC;
}

/**
 * Reads the bans of a host's fail2ban database that still hold, each with the time that is left; now is epoch seconds.
 * @throws SQLite's error where it is none of fail2ban's.
 */
export function readFail2ban(path: string, now: number): Imported {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const rows = database.prepare('SELECT jail, ip, timeofban, bantime FROM bips').all();
    const found: Imported = { bans: [], refused: [] };
    for (const [index, row] of rows.entries()) {
      const ip = parseAddress(String(row['ip']));
      const bantime = Number(row['bantime']);
      const left = Number(row['timeofban']) + bantime - now;
      if (!ip.ok) found.refused.push({ line: index + 1, why: ip.fault });
      else if (bantime < 0)
        found.bans.push({ ip: ip.value, seconds: -1, reason: `fail2ban ${String(row['jail'])}` });
      else if (left > 0) {
        found.bans.push({
          ip: ip.value,
          seconds: Math.ceil(left),
          reason: `fail2ban ${String(row['jail'])}`,
        });
      }
    }
    return found;
  } finally {
    database.close();
  }
}
