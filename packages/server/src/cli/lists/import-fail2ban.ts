import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { FOR_EVER, parseTarget } from '@banshare/protocol';
import type { Imported, ImportedBan } from './import-file.ts';

/** What every SQLite file begins with. */
const MAGIC = 'SQLite format 3\0';
/** fail2ban writes it for bans of a time when it kept no bantime: it was upgraded since. */
const NOT_KNOWN = -2;

type Row = Record<string, SQLOutputValue>;

/** Whether a file's bytes are a SQLite database, such as fail2ban keeps its bans in. */
export function isSqlite(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, MAGIC.length)).toString('latin1') === MAGIC;
}

/**
 * Reads the bans of a host's fail2ban database that still hold, each with the time that is left; now is epoch seconds. Databases
 * of fail2ban 0.8.11 to 1.1 are read; where one does not know a bantime, the ban lasts the server's default from when it began.
 * Left out are the bans in `sharedJails`: they came from the fleet, and the jail's bantime is not theirs.
 * @throws SQLite's error where it cannot be read, or one that says that it is none of fail2ban's.
 */
export function readFail2ban(path: string, now: number, sharedJails: readonly string[]): Imported {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    requireTables(database);
    const rows = bansOf(database);
    const found: Imported = { bans: [], refused: [], leftOut: [] };
    const shared = new Map<string, number>();
    for (const [index, row] of rows.entries()) {
      const jail = String(row['jail']);
      if (sharedJails.includes(jail)) {
        shared.set(jail, (shared.get(jail) ?? 0) + 1);
        continue;
      }
      const ban = readRow(row, now);
      if (ban === undefined) continue;
      if ('fault' in ban) found.refused.push({ line: index + 1, why: ban.fault });
      else found.bans.push({ ...ban, reason: `fail2ban ${jail}`, foundIn: jail });
    }
    for (const [jail, count] of shared) {
      found.leftOut?.push(`${count} in the jail ${jail}, where bans of the fleet land`);
    }
    return found;
  } finally {
    database.close();
  }
}

/** Whoever made the file may have made a program of it: a view may have no end, and a column that is reckoned be of any length. */
function requireTables(database: DatabaseSync): void {
  database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
  const odd = database
    .prepare(
      `SELECT name FROM sqlite_schema AS made WHERE lower(name) IN ('bips', 'bans') AND (type <> 'table'
       OR sql LIKE 'CREATE VIRTUAL%' OR EXISTS (SELECT 1 FROM pragma_table_xinfo(made.name) WHERE hidden <> 0)) LIMIT 1`,
    )
    .get();
  if (odd !== undefined) throw new Error(`its "${String(odd['name'])}" is no table as fail2ban makes it`);
}

/** The newest ban of each address and jail. Since 0.11 a table of its own has them; before, the log of all bans does. */
function bansOf(database: DatabaseSync): Row[] {
  const columns = (table: string): string[] =>
    (database.prepare(`PRAGMA table_info(${table})`).all() as Row[]).map((row) => String(row['name']));
  if (columns('bips').length > 0) {
    return database.prepare('SELECT jail, ip, timeofban, bantime FROM bips').all();
  }
  const logged = columns('bans');
  if (!['jail', 'ip', 'timeofban'].every((name) => logged.includes(name))) {
    throw new Error('it is a database, but none of fail2ban: it has no table of bans');
  }
  const bantime = logged.includes('bantime') ? 'bantime' : String(NOT_KNOWN);
  return database
    .prepare(
      `SELECT jail, ip, max(timeofban) AS timeofban, ${bantime} AS bantime FROM bans GROUP BY jail, ip`,
    )
    .all();
}

/** A ban that holds still, why a row is none, or undefined for one that is over. */
function readRow(row: Row, now: number): ImportedBan | { fault: string } | undefined {
  const ip = parseTarget(String(row['ip']));
  if (!ip.ok) return { fault: ip.fault };
  const [began, bantime] = [row['timeofban'], row['bantime']];
  if (typeof began !== 'number' || typeof bantime !== 'number') {
    return { fault: `the ban of ${ip.value} has no time that can be read` };
  }
  if (bantime === NOT_KNOWN) return { ip: ip.value, since: began };
  if (bantime < 0) return { ip: ip.value, seconds: FOR_EVER };
  const left = Math.ceil(Math.min(began, now) + bantime - now);
  return left > 0 ? { ip: ip.value, seconds: left } : undefined;
}
