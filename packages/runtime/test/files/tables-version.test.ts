import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { tablesVersion } from '@banshare/runtime';

test('the version of the tables is that of the last commit, also while a program has the file locked: in the file, in its journal, and after a rollback', () => {
  using scratch = folder();
  const path = scratch.path('ledger.db');
  assert.equal(tablesVersion(path), undefined);
  using database = new DatabaseSync(path);
  assert.equal(tablesVersion(path), undefined, 'an empty file');
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0');
  database.exec('CREATE TABLE a (n INTEGER)');
  assert.equal(tablesVersion(path), 0);
  const step = (version: number): void =>
    database.exec(`BEGIN; INSERT INTO a VALUES (${version}); PRAGMA user_version = ${version}; COMMIT`);
  step(7);
  assert.equal(tablesVersion(path), 7, 'in the journal alone');
  database.exec('INSERT INTO a VALUES (1)');
  assert.equal(tablesVersion(path), 7);
  // More than its cache holds: what is not committed stands in the journal too.
  database.exec('PRAGMA cache_size = 1; BEGIN; PRAGMA user_version = 9');
  database.exec(
    'WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) INSERT INTO a SELECT n FROM c',
  );
  assert.equal(tablesVersion(path), 7, 'while a transaction is open that is in the journal in part');
  database.exec('ROLLBACK');
  assert.equal(tablesVersion(path), 7, 'after a rollback');
  database.exec('PRAGMA wal_checkpoint(RESTART)');
  assert.equal(tablesVersion(path), 7, 'in the file');
  step(8);
  assert.equal(
    tablesVersion(path),
    8,
    'in the journal that began again, before what is left of its first round',
  );
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  assert.equal(tablesVersion(path), 8);
});

test('what is no database, or a link to one, is refused by name', () => {
  using scratch = folder();
  writeFileSync(scratch.path('text'), 'x'.repeat(200));
  assert.throws(() => tablesVersion(scratch.path('text')), /text: it is no database of SQLite/);
  writeFileSync(scratch.path('short'), 'x');
  assert.throws(() => tablesVersion(scratch.path('short')), /it is no database of SQLite/);
  symlinkSync(scratch.path('text'), scratch.path('link'));
  assert.throws(() => tablesVersion(scratch.path('link')), /ELOOP/);
});

function folder(): Disposable & { path: (name: string) => string } {
  const made = mkdtempSync(join(tmpdir(), 'banshare-tables-'));
  return {
    path: (name) => join(made, name),
    [Symbol.dispose]: () => rmSync(made, { recursive: true, force: true }),
  };
}
