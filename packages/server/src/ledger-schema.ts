import type { DatabaseSync } from 'node:sqlite';

/**
 * The ledger's tables, one step for each version; the database's user_version says how many were taken. Times are epoch
 * seconds, until NULL is for ever. A ban's row stays after its end until it is swept.
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
];

/**
 * Brings a database to this program's version.
 * @throws when the database was made by a newer program: going on could lose what that one wrote.
 */
export function migrate(database: DatabaseSync, path: string): void {
  const row = database.prepare('PRAGMA user_version').get();
  const version = Number(row?.['user_version']);
  if (version > STEPS.length) {
    throw new Error(
      `Cannot use the ledger "${path}": it has version ${version}, this program knows up to ${STEPS.length}; install the newer banshare-server again`,
    );
  }
  for (const [index, step] of STEPS.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN; ${step} PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
