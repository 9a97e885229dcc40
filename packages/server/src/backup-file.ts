import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { appendEntry } from './audit.ts';
import { statements } from './database.ts';
import { migrate } from './ledger-schema.ts';

/** A file beside the ledger that a backup carries. */
export type KeptFile = { path: string; mode: number; content: Uint8Array };

/** A backup is a copy of the ledger with one more table: the files that belong to it. @throws SQLite's error. */
export function addFiles(copy: string, files: readonly KeptFile[]): void {
  withDatabase(copy, (database) => {
    database.exec(
      'CREATE TABLE backup_files (path TEXT PRIMARY KEY, mode INTEGER NOT NULL, content BLOB NOT NULL) STRICT',
    );
    const insert = database.prepare('INSERT INTO backup_files VALUES (?, ?, ?)');
    for (const { path, mode, content } of files) insert.run(path, mode, content);
  });
  chmodSync(copy, 0o600);
}

/** The files that a backup carries. @throws when it is no backup. */
export function readFiles(backup: string): KeptFile[] {
  return withDatabase(
    backup,
    (database) => {
      const rows = database.prepare('SELECT path, mode, content FROM backup_files').all();
      return rows.map((row) => ({
        path: String(row['path']),
        mode: Number(row['mode']),
        content: row['content'] as Uint8Array,
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
  withDatabase(path, (database) => {
    migrate(database, path);
    database.exec('BEGIN IMMEDIATE');
    database.exec('DROP TABLE backup_files');
    database.prepare("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)").run(epoch);
    database.exec("INSERT OR REPLACE INTO meta SELECT 'pruned-to', coalesce(max(seq), 0) FROM events");
    database.exec('UPDATE hosts SET epoch = NULL, applied = NULL; DELETE FROM acks; DELETE FROM outcomes');
    appendEntry(statements(database), 'restore', { epoch }, now);
    database.exec('COMMIT');
  });
}

function withDatabase<T>(path: string, work: (database: DatabaseSync) => T, readOnly = false): T {
  const database = new DatabaseSync(path, { readOnly });
  try {
    return work(database);
  } finally {
    database.close();
  }
}
