import { test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Audit } from '../../src/ledger/books/audit.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { SCHEMA } from '../../src/ledger/schema.ts';
import { takeSteps } from '../../src/sharing/take-steps.ts';
import { layGolden, readGolden, rowsOf, type Golden } from './golden.ts';

/** Compares what the tables have, each row by the columns that it had then. */
function assertRows(path: string, after: Golden['after'], but: readonly string[] = []): void {
  const database = new DatabaseSync(path);
  try {
    for (const [table, { columns, rows }] of Object.entries(after))
      if (!but.includes(table)) assert.deepEqual(rowsOf(database, table, columns), rows, table);
  } finally {
    database.close();
  }
}

for (const golden of readGolden()) {
  const { schema, after } = golden;
  test(`entries of the shared log that servers of schema ${schema} made are applied to the tables that they were made for, and each row is what it was there, also behind the steps to today's`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-golden-'));
    try {
      const path = join(folder, 'ledger.db');
      const log = layGolden(golden, path);
      const made = log.entries.length;
      const isOlder = schema < SCHEMA;
      const shared = log.server();
      const stepped = await takeSteps(shared, path, { mayAppend: false });
      assert.deepEqual(stepped, isOlder ? { from: schema, to: schema, isFirst: false } : undefined);
      if (isOlder) assertRows(path, after);
      assert.equal((await takeSteps(shared, path))?.isFirst, isOlder ? true : undefined);
      assert.equal(log.entries.length, isOlder ? made + 1 : made);
      const ledger = new Ledger(path, () => 'another epoch', shared);
      await ledger.catchUp();
      await ledger.idle();
      assert.deepEqual(ledger.replica(), {
        applied: log.entries.length,
        stopped: null,
        isShut: false,
        isOutdated: false,
        aheadBy: null,
      });
      assert.equal(ledger.head().epoch, 'epoch');
      assert.equal(new Audit(ledger).firstBroken(), undefined);
      ledger.close();
      assertRows(path, after, isOlder ? ['applied'] : []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('the version that the tables have now has its entries among those that later versions have to take', () => {
  const why = `write them: node packages/server/test/fixtures/make-golden.ts, then make fix`;
  assert.equal(readGolden().at(-1)?.schema, SCHEMA, why);
});
