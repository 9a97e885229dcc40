import type { Target } from '@banshare/protocol';
import { StartFault } from '@banshare/runtime';
import { chmodSync, rmSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { blockOf } from '../words/ipv6-block.ts';

/**
 * The ledger's tables, one step for each version; the database's user_version says how many were taken. Times are epoch
 * seconds, until NULL is for ever. A ban's row stays after its end until it is swept. `lifted` with jail '' is of all jails. The
 * target of a report is what its ban is of where that is more than the address; a vote is
 * one of a host for a ban that waits for others. The until of a supporter or a vote is the end that this host's own reports ask for, 0
 * once it has taken them back; crowd is 1 for all supporters of a ban that has many, or had; in_block has the addresses in each /64 until their last ban ends.
 * Claims has which of several servers does a chore for all; n of a report or an outcome is its number among all of them, in the order
 * of their commits; applied is the entry of the shared log that was applied last, 0 of a ledger that is not shared.
 */
const STEPS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE hosts (
     id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, curve TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
     state TEXT NOT NULL, enrolled REAL NOT NULL, addresses TEXT NOT NULL,
     last_seen REAL, epoch TEXT, applied INTEGER, version TEXT, generation TEXT
   ) STRICT;
   CREATE TABLE events (
     seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL,
     host TEXT NOT NULL, at REAL NOT NULL, until INTEGER, tail TEXT NOT NULL, details TEXT NOT NULL
   ) STRICT;
   CREATE TABLE bans (
     ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, until INTEGER,
     PRIMARY KEY (ip, prog, jail)
   ) STRICT, WITHOUT ROWID;
   CREATE UNIQUE INDEX bans_seq ON bans (seq);
   CREATE TABLE supporters (
     ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, host INTEGER NOT NULL, since REAL NOT NULL,
     PRIMARY KEY (ip, prog, jail, host)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE reports (
     host INTEGER NOT NULL, id TEXT NOT NULL, received REAL NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
     ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, verdict TEXT NOT NULL, code TEXT, reason TEXT, seq INTEGER,
     PRIMARY KEY (host, id)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE INDEX reports_ip ON reports (ip, received);
   CREATE INDEX reports_received ON reports (received);
   CREATE INDEX events_ip ON events (ip);
   CREATE INDEX supporters_host ON supporters (host, since);
   CREATE INDEX bans_until ON bans (until);
   ALTER TABLE hosts ADD COLUMN clock_ahead REAL;
   CREATE TABLE outcomes (
     seq INTEGER NOT NULL, host INTEGER NOT NULL, outcome TEXT NOT NULL, reason TEXT, at REAL NOT NULL,
     PRIMARY KEY (seq, host)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE acks (
     host INTEGER NOT NULL, applied INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (host, applied)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE offences (ip TEXT PRIMARY KEY, count INTEGER NOT NULL, at REAL NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE lifted (
     ip TEXT NOT NULL, jail TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (ip, jail)
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE hosts ADD COLUMN wanted TEXT NOT NULL DEFAULT '';
   CREATE TABLE seen_at (
     host INTEGER NOT NULL, address TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (host, address)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE never_ban (range TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE held (
     id INTEGER PRIMARY KEY, host INTEGER NOT NULL, name TEXT NOT NULL, ip TEXT NOT NULL, prog TEXT NOT NULL,
     jail TEXT NOT NULL, at REAL NOT NULL, until INTEGER, details TEXT NOT NULL
   ) STRICT;
   CREATE TABLE audit (
     n INTEGER PRIMARY KEY, at REAL NOT NULL, what TEXT NOT NULL, details TEXT NOT NULL, hash TEXT NOT NULL
   ) STRICT;`,
  `ALTER TABLE hosts ADD COLUMN next_key TEXT;
   ALTER TABLE hosts ADD COLUMN next_curve TEXT;
   ALTER TABLE hosts ADD COLUMN rotation_at REAL;
   CREATE UNIQUE INDEX hosts_next_key ON hosts (next_key);
   CREATE UNIQUE INDEX hosts_next_curve ON hosts (next_curve);`,
  `ALTER TABLE hosts ADD COLUMN ranges INTEGER;
   ALTER TABLE reports ADD COLUMN target TEXT;
   CREATE INDEX reports_target ON reports (target, received) WHERE target IS NOT NULL;
   ALTER TABLE bans ADD COLUMN block TEXT;
   UPDATE bans SET block = block_of(ip) WHERE instr(ip, ':') > 0;
   CREATE INDEX bans_block ON bans (block) WHERE block IS NOT NULL;
   CREATE INDEX bans_range ON bans (until) WHERE instr(ip, '/') > 0;`,
  `CREATE TABLE approved_at (
     host INTEGER NOT NULL, address TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (host, address)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE votes (
     ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, host INTEGER NOT NULL, received REAL NOT NULL,
     PRIMARY KEY (ip, prog, jail, host)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX votes_host ON votes (host, received);
   CREATE INDEX votes_received ON votes (received);
   INSERT INTO votes SELECT ip, prog, jail, host, voted FROM (
     SELECT ip, prog, jail, host, max(CASE WHEN verdict = 'counted' AND code IS NULL THEN received END) AS voted,
       max(CASE WHEN kind = 'unban' THEN received END) AS taken_back
     FROM reports GROUP BY ip, prog, jail, host
   ) WHERE voted IS NOT NULL AND (taken_back IS NULL OR taken_back < voted);
   INSERT INTO votes SELECT target, prog, jail, host, voted FROM (
     SELECT target, prog, jail, host, max(CASE WHEN verdict = 'counted' AND code IS NULL THEN received END) AS voted,
       max(CASE WHEN kind = 'unban' THEN received END) AS taken_back
     FROM reports WHERE target IS NOT NULL GROUP BY target, prog, jail, host
   ) WHERE voted IS NOT NULL AND (taken_back IS NULL OR taken_back < voted);
   CREATE INDEX reports_wider ON reports (ip, prog, jail, host, target) WHERE target IS NOT NULL;
   CREATE INDEX bans_ip_until ON bans (ip, until);
   CREATE TABLE in_block (ip TEXT PRIMARY KEY, block TEXT NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX in_block_until ON in_block (block, until);
   INSERT INTO in_block SELECT ip, block, max(coalesce(until, 9000000000000000)) FROM bans WHERE block IS NOT NULL GROUP BY ip, block;
   DROP INDEX bans_block;
   ALTER TABLE bans DROP COLUMN block;
   CREATE INDEX held_ban ON held (ip, prog, jail, host);
   CREATE INDEX held_host ON held (host, at);`,
  `ALTER TABLE hosts ADD COLUMN approved REAL;
   UPDATE hosts SET approved = enrolled WHERE id IN (SELECT host FROM approved_at)
     OR key IN (SELECT json_extract(details, '$.key') FROM audit WHERE what = 'approved');`,
  `CREATE TABLE ban_minutes (minute INTEGER PRIMARY KEY, bans INTEGER NOT NULL) STRICT;
   INSERT INTO ban_minutes SELECT CAST(at / 60 AS INTEGER), count(*) FROM events
     WHERE kind = 'ban' AND prog <> 'operator' GROUP BY 1;`,
  `ALTER TABLE hosts ADD COLUMN receipt TEXT;
   ALTER TABLE hosts ADD COLUMN out_since REAL;
   ALTER TABLE hosts ADD COLUMN muted_until REAL;
   ALTER TABLE hosts ADD COLUMN mute_note TEXT;`,
  `ALTER TABLE bans ADD COLUMN began REAL NOT NULL DEFAULT 0;
   ALTER TABLE bans ADD COLUMN import INTEGER;
   UPDATE bans SET began = at;
   CREATE INDEX bans_import ON bans (import) WHERE import IS NOT NULL;
   CREATE INDEX held_at ON held (at);`,
  `CREATE INDEX outcomes_at ON outcomes (at);
   CREATE INDEX acks_at ON acks (at);
   CREATE INDEX lifted_at ON lifted (at);`,
  `ALTER TABLE supporters ADD COLUMN until INTEGER;
   UPDATE supporters SET until = (SELECT until FROM bans
     WHERE bans.ip = supporters.ip AND bans.prog = supporters.prog AND bans.jail = supporters.jail);
   ALTER TABLE votes ADD COLUMN until INTEGER;`,
  `CREATE INDEX supporters_end ON supporters (ip, prog, jail, coalesce(until, 9000000000000000));`,
  // Nobody knows what a vote of before the ends asked for: a report that names none gets the default, a day.
  `UPDATE votes SET until = CAST(received AS INTEGER) + 86400 WHERE until IS NULL;`,
  // Nearly all bans have one supporter: an index of all their ends took an eighth of the time of a report.
  `DROP INDEX supporters_end;
   ALTER TABLE supporters ADD COLUMN crowd INTEGER;
   UPDATE supporters SET crowd = 1 WHERE (ip, prog, jail) IN
     (SELECT ip, prog, jail FROM supporters GROUP BY ip, prog, jail HAVING count(*) >= 8);
   CREATE INDEX supporters_end ON supporters (ip, prog, jail, coalesce(until, 9000000000000000)) WHERE crowd = 1;`,
  `CREATE TABLE applied (one INTEGER PRIMARY KEY CHECK (one = 1), n INTEGER NOT NULL, token TEXT NOT NULL) STRICT;
   INSERT INTO applied VALUES (1, 0, '');`,
  `ALTER TABLE hosts ADD COLUMN server TEXT;`,
  `CREATE TABLE claims (name TEXT PRIMARY KEY, server TEXT NOT NULL, until REAL NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE INDEX bans_ipv6 ON bans (until) WHERE instr(ip, ':') > 0;`,
  // Instead of an index by time: with several servers what comes later may be older.
  `ALTER TABLE reports ADD COLUMN n INTEGER;
   UPDATE reports SET n = numbered.n FROM (SELECT host, id, row_number() OVER (ORDER BY received) AS n FROM reports) AS numbered
     WHERE reports.host = numbered.host AND reports.id = numbered.id;
   DROP INDEX reports_received;
   CREATE INDEX reports_n ON reports (n);
   ALTER TABLE outcomes ADD COLUMN n INTEGER;
   UPDATE outcomes SET n = numbered.n FROM (SELECT seq, host, row_number() OVER (ORDER BY at) AS n FROM outcomes) AS numbered
     WHERE outcomes.seq = numbered.seq AND outcomes.host = numbered.host;
   CREATE INDEX outcomes_n ON outcomes (n);`,
  `CREATE TABLE evidence (
     n INTEGER PRIMARY KEY, host INTEGER NOT NULL, id TEXT NOT NULL, received REAL NOT NULL, text TEXT NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX evidence_report ON evidence (host, id);`,
  `ALTER TABLE hosts ADD COLUMN node TEXT;`,
  // What hosts told one of several servers the others had no word of.
  `ALTER TABLE hosts ADD COLUMN ahead INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN lacking INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE hosts ADD COLUMN spool INTEGER;`,
  `CREATE TABLE tokens (
     id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, made REAL NOT NULL, until INTEGER NOT NULL, uses INTEGER NOT NULL,
     used INTEGER NOT NULL, range TEXT, pattern TEXT, approves INTEGER NOT NULL, revoked REAL
   ) STRICT, WITHOUT ROWID;
   ALTER TABLE hosts ADD COLUMN token TEXT;`,
  `ALTER TABLE never_ban ADD COLUMN until REAL;
   ALTER TABLE never_ban ADD COLUMN note TEXT NOT NULL DEFAULT '';
   ALTER TABLE never_ban ADD COLUMN added_by TEXT NOT NULL DEFAULT '';`,
];

/** The version of the tables that this program knows. */
export const SCHEMA = STEPS.length;

/**
 * Brings a database that no log is shared by to this program's version; in a shared one a step is an entry: see older-tables.ts.
 * @throws when the database was made by a newer program: going on could lose what that one wrote.
 */
export function migrate(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  if (version > STEPS.length) throw new StartFault(tooNew(path, version));
  if (version === STEPS.length) return;
  if (version > 0) keepBefore(database, `${path}.before-${STEPS.length}`);
  database.exec('BEGIN IMMEDIATE');
  try {
    stepTo(database, STEPS.length);
    database.exec('COMMIT');
  } finally {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}

/** What is said of a ledger that a newer program made. */
export function tooNew(path: string, version: number): string {
  return `Cannot use the ledger "${path}": it has version ${version}, this program knows up to ${SCHEMA}; install the newer banshare-server again`;
}

/** Takes the steps up to a version, in the transaction that is open; none where the tables have it. */
export function stepTo(database: DatabaseSync, to: number): void {
  const version = versionOf(database);
  if (version >= to) return;
  database.function('block_of', { deterministic: true }, (ip) => blockOf(String(ip) as Target));
  for (const step of STEPS.slice(version, to)) database.exec(step);
  database.exec(`PRAGMA user_version = ${to}`);
}

/** The version that a database has, 0 for an empty one. */
export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

/** Keeps the database as it was, on which the previous program starts again. */
export function keepBefore(database: DatabaseSync, copy: string): void {
  rmSync(copy, { force: true });
  database.prepare('VACUUM INTO ?').run(copy);
  chmodSync(copy, 0o600);
}
