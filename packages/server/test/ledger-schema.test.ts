import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { HostBook } from '../src/host-book.ts';
import { SqliteLedger } from '../src/sqlite-ledger.ts';

const EARLIER = readFileSync(new URL('ledger-of-version-3.sql', import.meta.url), 'utf8');

test('a ledger of an earlier version is brought to this one, and kept beside as it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-schema-'));
  const path = join(folder, 'ledger.db');
  try {
    const before = new DatabaseSync(path);
    before.exec(EARLIER);
    before.close();
    const ledger = new SqliteLedger(path, () => 'epoch');
    const [host, ...more] = new HostBook(ledger).all();
    assert.partialDeepStrictEqual(host, { id: 7, key: 'aa', name: 'web1', next: null, rotationAt: null });
    assert.deepEqual(more, []);
    const { user_version: version } = ledger.sql('PRAGMA user_version').get() as { user_version: number };
    ledger.close();
    const copy = `${path}.before-${version}`;
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    const kept = new DatabaseSync(copy);
    assert.equal(kept.prepare('PRAGMA user_version').get()?.['user_version'], 3);
    kept.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
