import { existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { appendEntry } from './audit.ts';
import type { Row, Sql } from '../tables/rows.ts';
import { LOG_START, type LogPosition } from '../../log/log.ts';
import { statements } from '../database.ts';
import { migrate, versionOf } from '../schema.ts';

/** Where the daemon lays the copy of its ledger that `backup` takes away. */
export function copyForBackup(ledger: string): string {
  return `${ledger}.backup`;
}

/** Removes that copy, also what of it a `backup` left behind that was killed. @throws the system's error. */
export function removeCopy(ledger: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm'])
    rmSync(copyForBackup(ledger) + suffix, { force: true });
}

const JOURNALS = ['-wal', '-shm', '-journal'] as const;

/**
 * Gives a ledger that no server has open another name, with its journals: that one, or the first with a number behind it that nothing has,
 * since what was kept once may be the only one of its kind. Returns the name; undefined where there is no ledger. @throws the system's error.
 */
export function setAside(ledger: string, name: string): string | undefined {
  if (!existsSync(ledger)) return undefined;
  const isTaken = (path: string): boolean => ['', ...JOURNALS].some((suffix) => existsSync(path + suffix));
  let free = name;
  for (let n = 2; isTaken(free); n += 1) free = `${name}-${n}`;
  // The ledger first: who is interrupted finds journals without one, which a server refuses, and no ledger without its last commits.
  for (const suffix of ['', ...JOURNALS])
    if (existsSync(ledger + suffix)) renameSync(ledger + suffix, free + suffix);
  return free;
}

/** Removes the journals that are left beside a ledger's name: those of another file would be taken for its own. @throws the system's error. */
export function removeJournals(ledger: string): void {
  for (const suffix of JOURNALS) rmSync(ledger + suffix, { force: true });
}

/** A file beside the ledger that a backup carries. */
export type KeptFile = { path: string; mode: number; content: Buffer };

/** A backup is a copy of the ledger with one more table: the files that belong to it. @throws SQLite's error. */
export function addFiles(copy: string, files: readonly KeptFile[]): void {
  withDatabase(copy, (database) => {
    // One file, and nothing of what was removed from the ledger: the server made its copy as quickly as it could.
    database.exec('PRAGMA journal_mode = DELETE; VACUUM');
    database.exec(
      'CREATE TABLE backup_files (path TEXT PRIMARY KEY, mode INTEGER NOT NULL, content BLOB NOT NULL) STRICT',
    );
    const insert = database.prepare('INSERT INTO backup_files VALUES (?, ?, ?)');
    for (const { path, mode, content } of files) insert.run(path, mode, content);
  });
}

/** Reads a backup back as `restore` would. @throws where it is not whole, or does not hold these files. */
export function proveBackup(backup: string, files: readonly KeptFile[]): void {
  const found = withDatabase(
    backup,
    (database) => String(database.prepare('PRAGMA integrity_check(1)').get()?.['integrity_check']),
    true,
  );
  if (found !== 'ok') throw new Error(`read back, it is damaged (${found.replaceAll('\n', ' ')})`);
  const read = new Map(readFiles(backup).map((file) => [file.path, file.content]));
  const lost = files.find(({ path, content }) => !content.equals(read.get(path) ?? new Uint8Array()));
  if (lost !== undefined || read.size !== files.length)
    throw new Error(
      `read back, it does not hold what was written${lost === undefined ? '' : `: ${lost.path}`}`,
    );
}

/** The files that a backup carries; the copy that a step of the tables keeps has none. @throws when it is no ledger. */
export function readFiles(backup: string): KeptFile[] {
  return withDatabase(
    backup,
    (database) => {
      const { carries } =
        database
          .prepare(
            "SELECT count(*) AS carries FROM sqlite_schema WHERE type = 'table' AND name = 'backup_files'",
          )
          .get() ?? {};
      if (carries === 0 && versionOf(database) > 0) return [];
      const rows = database.prepare('SELECT path, mode, content FROM backup_files').all();
      return rows.map((row) => ({
        path: String(row['path']),
        mode: Number(row['mode']),
        content: Buffer.from(row['content'] as Uint8Array),
      }));
    },
    true,
  );
}

/**
 * Makes a ledger of a backup: without its files, and in an epoch of its own, of which no event before the head counts, so that
 * every host asks for a snapshot. @throws when a newer program made it, or it is damaged.
 */
export function beginEpoch(path: string, epoch: string, now: number): void {
  beginAnew(path, epoch, now, 'restore');
}

/** Makes a replica of what several servers share a ledger of its own again, in an epoch of its own. @throws as beginEpoch() */
export function leaveLog(path: string, epoch: string, now: number): void {
  beginAnew(path, epoch, now, 'ledger left');
}

/** Makes a copy of a replica a ledger in an epoch of its own, for a log that begins anew with it. @throws as beginEpoch() */
export function publishReplica(path: string, epoch: string, now: number): void {
  beginAnew(path, epoch, now, 'replica restored');
}

/** Copies a replica that no server has open to a path where nothing is yet; returns the entry that it applied last. @throws SQLite's error. */
export function copyReplica(ledger: string, path: string): LogPosition {
  withDatabase(ledger, (database) => database.prepare('VACUUM INTO ?').run(path));
  return withDatabase(path, (database) => {
    // The copy alone: where this comes to nothing the replica takes its steps where the log has them.
    migrate(database, path);
    return appliedIn({ sql: statements(database) });
  });
}

/** What one ledger has that another lacks: events, and entries of the audit log; `isOther` where they are of different epochs. */
export type Lacking = { readonly events: number; readonly deeds: number; readonly isOther: boolean };

/** What a ledger lacks of another one that no server has open. @throws SQLite's error. */
export function whatLacks(ledger: string, other: string): Lacking {
  return withDatabase(ledger, (database) => {
    database.prepare('ATTACH ? AS other').run(other);
    const count = (sql: string): number => Number(database.prepare(sql).get()?.['n']);
    const meta = (name: string, of: string): string =>
      `(SELECT value FROM ${of}.meta WHERE name = '${name}')`;
    return {
      // What was pruned here was here.
      events: count(
        `SELECT count(*) AS n FROM other.events AS theirs LEFT JOIN main.events AS ours USING (seq)
          WHERE ours.tail IS NOT theirs.tail AND seq > coalesce(CAST(${meta('pruned-to', 'main')} AS INTEGER), 0)`,
      ),
      deeds: count(
        `SELECT count(*) AS n FROM other.audit AS theirs LEFT JOIN main.audit AS ours USING (n)
          WHERE ours.hash IS NOT theirs.hash`,
      ),
      isOther: count(`SELECT ${meta('epoch', 'main')} IS NOT ${meta('epoch', 'other')} AS n`) === 1,
    };
  });
}

/** Says in a copy of a ledger which entry of the log it stands for. @throws SQLite's error. */
export function markApplied(path: string, { n, token }: LogPosition): void {
  withDatabase(path, (database) => database.prepare('UPDATE applied SET n = ?, token = ?').run(n, token));
}

/** The entry of the log that a ledger has applied last. @throws SQLite's error. */
export function appliedIn({ sql }: { readonly sql: Sql }): LogPosition {
  const row = sql('SELECT n, token FROM applied').get() as Row;
  return { n: Number(row['n']), token: String(row['token']) };
}

/** Says the same in the file of a running server, whose next start needs the log. @throws SQLite's error. */
export function becomeReplica({ sql }: { readonly sql: Sql }, { n, token }: LogPosition): void {
  sql('UPDATE applied SET n = ?, token = ?').run(n, token);
}

/** The first version whose tables say which entry of a log was applied last. */
const FIRST_SHARED = 17;

/** Which version the tables of a ledger have that no server has open, and which entry it applied last; undefined where that cannot be read. */
export function stateOf(path: string): { version: number; applied: LogPosition } | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return withDatabase(path, (database) => {
      const version = versionOf(database);
      return {
        version,
        applied: version < FIRST_SHARED ? LOG_START : appliedIn({ sql: statements(database) }),
      };
    });
  } catch {
    return undefined;
  }
}

function beginAnew(path: string, epoch: string, now: number, why: string): void {
  withDatabase(path, (database) => {
    migrate(database, path);
    database.exec('BEGIN IMMEDIATE');
    database.exec("DROP TABLE IF EXISTS backup_files; UPDATE applied SET n = 0, token = ''");
    database.prepare("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)").run(epoch);
    database.exec("INSERT OR REPLACE INTO meta SELECT 'pruned-to', coalesce(max(seq), 0) FROM events");
    database.exec('UPDATE hosts SET epoch = NULL, applied = NULL; DELETE FROM acks; DELETE FROM outcomes');
    appendEntry(statements(database), why, { epoch }, now);
    database.exec('COMMIT');
  });
}

function withDatabase<T>(path: string, work: (database: DatabaseSync) => T, readOnly = false): T {
  const database = new DatabaseSync(path, { readOnly });
  try {
    // A server that was taken over may have made it: nothing in it may run.
    database.exec('PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON');
    const odd = database
      .prepare("SELECT name FROM sqlite_schema WHERE type IN ('view', 'trigger') LIMIT 1")
      .get();
    if (odd !== undefined) throw new Error(`it has "${String(odd['name'])}", which no ledger has`);
    return work(database);
  } finally {
    database.close();
  }
}
