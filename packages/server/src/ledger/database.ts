import { makePrivateDirectory, StartFault } from '@banshare/runtime';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { migrate, SCHEMA, versionOf } from './schema.ts';

/** An open file of SQLite. */
export type Database = DatabaseSync;

/** WAL can lose a database before this version when two connections meet (sqlite.org, WAL-reset bug). */
const OLDEST_SQLITE = [3, 51, 3];
/**
 * So many pages, 16 MB, gather before they go into the database. A burst of reports touches the same ones again and again: with SQLite's
 * own 1,000 every other commit copied and synced them, an eighth of its time.
 */
const WAL_PAGES = 4000;
/**
 * SQLite keeps so much of the file in memory at most, and of a small file no more than that has. Reports lie all over the tables: with SQLite's
 * own 2 MB each of them read several pages again that the one before had put out, an eighth of the ledger's processor time.
 */
const CACHE_KIB = 16_384;
/** SQLite's code for a database that another process has locked; its extended codes have it in the low byte. */
const SQLITE_BUSY = 5;

/**
 * Opens the ledger's database: one writer, every commit on disk before it returns.
 * @throws when it cannot be opened, is damaged, or belongs to a newer program.
 */
export function openDatabase(path: string, { isReplica = false } = {}): DatabaseSync {
  const prepare = (database: DatabaseSync): void => {
    if (isReplica) refuseOlder(database, path);
    migrate(database, path);
  };
  const database = openFile(path, prepare, isReplica ? placeOf(path) : path);
  // The way back from each piece, and from what another server appended: in a file of its own, for each batch, it took an eighth of a report's
  // time, and half of what a report of another server's takes. A step of the tables, which may sort all of them, has its file.
  database.exec(`PRAGMA temp_store = MEMORY; PRAGMA cache_size = -${CACHE_KIB}`);
  return database;
}

/** Opens a replica's database once more, to read what is committed while a transaction is open at the first. @throws SQLite's error. */
export function openToRead(path: string): DatabaseSync {
  return new DatabaseSync(placeOf(path), { readOnly: true });
}

/** Has connections of this process share the file, and no other process open it. */
function placeOf(path: string): URL {
  const place = pathToFileURL(path);
  place.searchParams.set('vfs', 'unix-excl');
  return place;
}

/** A step that the log does not have, or has later, would give other rows than the other servers have. */
function refuseOlder(database: DatabaseSync, path: string): void {
  const version = versionOf(database);
  if (version > 0 && version < SCHEMA)
    throw new StartFault(
      `Cannot use the ledger "${path}" as a replica: its tables have version ${version}, and the step to ${SCHEMA} has to come from the log`,
    );
}

/** Opens a ledger's file with the tables that it has, and leaves it to `prepare` what else has to be so. @throws as openDatabase() */
export function openFile(
  path: string,
  prepare: (database: DatabaseSync) => void = () => undefined,
  place: URL | string = path,
): DatabaseSync {
  requireSqlite(process.versions['sqlite']);
  makePrivateDirectory(dirname(path));
  const database = new DatabaseSync(place);
  try {
    chmodSync(path, 0o600);
    if (place === path) database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    database.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES}`);
    const check = database.prepare('PRAGMA quick_check(1)').get();
    if (check?.['quick_check'] !== 'ok') {
      throw new Error(`it is damaged (${String(check?.['quick_check']).replaceAll('\n', ' ')})`);
    }
    prepare(database);
    return database;
  } catch (error) {
    database.close();
    const { message } = error as Error;
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) {
      throw new StartFault(`Cannot open the ledger "${path}": another banshare-server uses it`, {
        cause: error,
      });
    }
    // What is said of a version names the file already.
    if (error instanceof StartFault) throw error;
    throw new StartFault(
      `Cannot use the ledger "${path}": ${message}; restore a backup, or move the file away to begin a new ledger`,
      { cause: error },
    );
  }
}

/** A commit waits for the disk no more; what a loss of power leaves is whole, and may lack the last commits. */
export function withoutSync(database: Database): void {
  database.exec('PRAGMA synchronous = NORMAL');
}

/** Has the file itself hold all that is committed, and take nothing more until moveAgain(): that stays beside it. @throws SQLite's error. */
export function standStill(database: Database): void {
  const { busy } = database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {};
  if (busy !== 0) throw new Error('the ledger is just being written');
  database.exec('PRAGMA wal_autocheckpoint = 0');
}

export function moveAgain(database: Database): void {
  database.exec(`PRAGMA wal_autocheckpoint = ${WAL_PAGES}`);
}

/** Prepares a statement at its first use, and keeps it. */
export function statements(database: DatabaseSync): (sql: string) => StatementSync {
  const prepared = new Map<string, StatementSync>();
  return (sql) => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    prepared.set(sql, statement);
    return statement;
  };
}

function requireSqlite(version: string | undefined): void {
  const parts = (version ?? '0').split('.').map(Number);
  for (const [index, least] of OLDEST_SQLITE.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) return;
    if (part < least) {
      throw new StartFault(
        `Cannot keep a ledger with SQLite ${version}: it needs ${OLDEST_SQLITE.join('.')} or later`,
      );
    }
  }
}
