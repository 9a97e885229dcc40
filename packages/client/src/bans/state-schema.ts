import { chmodSync, existsSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { StartFault } from '@banshare/runtime';

/** One step for each version; PRAGMA user_version says how many were taken. */
const STEPS: readonly string[] = [
  `CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE bans (
     ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, host TEXT NOT NULL, until INTEGER,
     port TEXT NOT NULL, protocol TEXT NOT NULL, local_jail TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
     ours INTEGER NOT NULL, changed REAL NOT NULL, PRIMARY KEY (ip, prog, jail)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX bans_status ON bans (status);
   CREATE INDEX bans_until ON bans (until);
   CREATE INDEX bans_local ON bans (local_jail, ip);`,
  `ALTER TABLE bans ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE bans ADD COLUMN retry_at REAL;
   ALTER TABLE bans ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;
   CREATE INDEX bans_retry ON bans (retry_at) WHERE retry_at IS NOT NULL;
   CREATE TABLE outbox (seq INTEGER PRIMARY KEY, outcome TEXT NOT NULL, reason TEXT) STRICT;`,
  `ALTER TABLE bans ADD COLUMN kept_back TEXT NOT NULL DEFAULT '';`,
  `CREATE TABLE left_behind (
     place TEXT NOT NULL, ip TEXT NOT NULL, prog TEXT NOT NULL, jail TEXT NOT NULL, local_jail TEXT NOT NULL, before INTEGER NOT NULL,
     PRIMARY KEY (place, ip, prog, jail)
   ) STRICT, WITHOUT ROWID;`,
  `CREATE INDEX bans_left_out ON bans (at) WHERE status = 'skipped' AND reason = 'full';`,
  `ALTER TABLE left_behind ADD COLUMN unban INTEGER;
   CREATE INDEX left_behind_ip ON left_behind (ip);`,
  `CREATE INDEX bans_lacking ON bans (status) WHERE seq = 0;`,
  `ALTER TABLE bans ADD COLUMN origin TEXT NOT NULL DEFAULT 'host';
   UPDATE bans SET origin = 'operator' WHERE prog = 'operator';
   DROP INDEX bans_left_out;
   CREATE INDEX bans_left_out ON bans (origin, at) WHERE status = 'skipped' AND reason = 'full';
   CREATE INDEX bans_in_place ON bans (origin, host, at) WHERE status IN ('pending', 'applied', 'unproven');`,
  `ALTER TABLE bans ADD COLUMN finder TEXT NOT NULL DEFAULT '';
   UPDATE bans SET finder = host;
   DROP INDEX bans_in_place;
   CREATE INDEX bans_in_place ON bans (origin, finder, at) WHERE status IN ('pending', 'applied', 'unproven');`,
  `CREATE INDEX bans_paused ON bans (origin, at, status)
     WHERE ((status = 'skipped' AND reason = 'paused') OR (status = 'lifting' AND kept_back = 'paused'));
   CREATE INDEX bans_ranges ON bans (seq) WHERE instr(ip, '/') > 0;`,
  `DROP INDEX bans_left_out;
   DROP INDEX bans_paused;
   ALTER TABLE bans ADD COLUMN reason_code TEXT NOT NULL DEFAULT '';
   ALTER TABLE bans ADD COLUMN kept_code TEXT NOT NULL DEFAULT '';
   UPDATE bans SET reason_code = ${codeIn('reason')}, reason = ${textIn('reason')} WHERE reason <> '';
   UPDATE bans SET kept_code = ${codeIn('kept_back')}, kept_back = ${textIn('kept_back')} WHERE kept_back <> '';
   CREATE INDEX bans_left_out ON bans (origin, at) WHERE status = 'skipped' AND reason_code = 'full';
   CREATE INDEX bans_paused ON bans (origin, at, status)
     WHERE ((status = 'skipped' AND reason_code = 'paused') OR (status = 'lifting' AND kept_code = 'paused'));`,
  // Numbers beyond all sense, of a server that was broken or hostile: an earlier version took them over, and no command an answer with them.
  `UPDATE bans SET until = NULL WHERE until > 31536000000;
   UPDATE bans SET at = min(at, 31536000000), seq = iif(seq > 1000000000000, 0, seq), retry_at = min(retry_at, 31536000000)
     WHERE at > 31536000000 OR seq > 1000000000000 OR retry_at > 31536000000;
   DELETE FROM outbox WHERE seq > 1000000000000;
   DELETE FROM meta WHERE name = 'position' AND json_extract(value, '$.seq') > 1000000000000;`,
  `DROP INDEX bans_in_place;
   CREATE INDEX bans_in_place ON bans (origin, finder, at)
     WHERE (status = 'pending' OR (ours = 1 AND status IN ('applied', 'unproven')));`,
  `CREATE TABLE dropped (
     ip TEXT PRIMARY KEY, shown INTEGER NOT NULL, packets INTEGER NOT NULL, at REAL NOT NULL, found INTEGER NOT NULL,
     least INTEGER, most INTEGER, over INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX dropped_packets ON dropped (packets);
   CREATE INDEX dropped_showing ON dropped (ip) WHERE shown > 0;`,
  `DROP INDEX dropped_showing;`,
  // Bans of an address are found by the key.
  `DROP INDEX bans_local;
   CREATE INDEX bans_unsettled ON bans (seq) WHERE status IN ('pending', 'lifting') AND attempts = 0 AND seq > 0;`,
];

/** What a reason meant that an earlier version kept as one sentence. */
function codeIn(column: string): string {
  return `CASE WHEN ${column} IN ('full', 'paused', 'expired', 'own', 'range') THEN ${column}
    WHEN ${column} LIKE 'range: not by %' THEN 'range' WHEN ${column} LIKE 'unproven: %' THEN 'unproven'
    WHEN ${column} LIKE 'never-ban: % of [never-ban] in client.toml' THEN 'listed'
    WHEN ${column} LIKE 'never-ban: % of fail2ban''s ignoreip in jail %' THEN 'ignored'
    WHEN ${column} LIKE 'never-ban: %' THEN 'protected' WHEN ${column} LIKE 'a range wider than %' THEN 'wide'
    WHEN ${column} LIKE 'jail % is not followed' THEN 'jail' WHEN ${column} LIKE 'prog % is not followed' THEN 'prog'
    ELSE 'enforcer' END`;
}

/** What it said beside that. */
function textIn(column: string): string {
  return `CASE WHEN ${column} IN ('full', 'paused', 'expired', 'own', 'range') THEN ''
    WHEN ${column} LIKE 'range: not by %' THEN substr(${column}, 15) WHEN ${column} LIKE 'unproven: %' THEN substr(${column}, 11)
    WHEN ${column} LIKE 'never-ban: %' THEN substr(${column}, 12) WHEN ${column} LIKE 'a range wider than %' THEN substr(${column}, 20)
    WHEN ${column} LIKE 'jail % is not followed' OR ${column} LIKE 'prog % is not followed'
      THEN substr(${column}, 6, length(${column}) - 21)
    ELSE ${column} END`;
}

/** The version of the tables that this program knows. */
export const STATE_TABLES = STEPS.length;

/** SQLite's codes for a file that is damaged, and for one that is none of its own; extended codes have them in the low byte. */
const DAMAGED: readonly number[] = [11, 26];

/** SQLite's code for what a table forbids: it is the same however often it is tried. */
const CONSTRAINT = 19;

/** Whether it is the state's file that fails, which may be over in a moment, and not what was to be written. */
export function isOfFile(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode !== undefined && errcode % 256 !== CONSTRAINT;
}

/** Opens the state's file, of which only its owner may know. @throws StartFault when it cannot be used, is damaged, or belongs to a newer program. */
export function openState(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    chmodSync(path, 0o600);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    migrate(database, path);
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof StartFault) throw cause;
    const { message, errcode = 0 } = cause as Error & { errcode?: number };
    const how = DAMAGED.includes(errcode % 256) ? `, which is damaged. ${mendDamaged(path)}` : '';
    throw new StartFault(`Cannot use the state "${path}": ${message}${how}`, { cause });
  }
}

/** What is done about a state that is damaged: nobody but a person knows whether this host was paused. */
function mendDamaged(path: string): string {
  return `This host gets all bans from its server again, but knows no more whether it was paused, nor which bans in fail2ban are banshare's to lift, which their jails then end: systemctl stop banshare-client && mv ${path} ${path}.damaged && rm -f ${path}-wal ${path}-shm && systemctl start banshare-client`;
}

/** What is said of a state that a newer program made; beside it lies what it was before that one's step. */
export function tooNew(path: string, version: number): string {
  const copy = `${path}.before-${version}`;
  const back = existsSync(copy)
    ? `; or put back how it was before, from which this host catches up: systemctl stop banshare-client && rm -f ${path}-wal ${path}-shm && mv ${copy} ${path} && systemctl start banshare-client`
    : '';
  return `Cannot use the state "${path}": it has version ${version}, this program knows up to ${STATE_TABLES}; install the newer banshare-client again${back}`;
}

/**
 * Brings the state to this program's version, and keeps it as it was before, on which the previous program starts again.
 * @throws when the state was made by a newer program.
 */
function migrate(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > STEPS.length) throw new StartFault(tooNew(path, version));
  if (version > 0 && version < STEPS.length) {
    const copy = `${path}.before-${STEPS.length}`;
    rmSync(copy, { force: true });
    database.prepare('VACUUM INTO ?').run(copy);
    chmodSync(copy, 0o600);
  }
  for (const [index, step] of STEPS.entries()) {
    if (index >= version) database.exec(`BEGIN; ${step} PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
