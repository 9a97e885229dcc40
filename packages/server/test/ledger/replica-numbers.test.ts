import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NUMBERED_SINCE } from '../../src/ledger/tables/happenings.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { readPart } from '../../src/ledger/timeline.ts';
import { Servers } from './servers.ts';

/** The names of what runs for each row that comes in, but for what tells of it. */
function numberingOf({ sql }: Ledger): string[] {
  const rows = sql("SELECT name FROM sqlite_temp_schema WHERE name LIKE '%numbered'").all();
  return rows.map((row) => String((row as { name: unknown }).name)).toSorted();
}

test('nothing runs for each row of what servers of this version append, since that would keep a way back for each; what an older one appends is numbered', async () => {
  using servers = new Servers(['h1']);
  const [{ ledger: a }, { ledger: b }] = [await servers.add('a'), await servers.add('b')];
  const insert = (id: string, n: number | null): Promise<unknown> =>
    a.write(() => {
      const what = "1, 1, 'report', '203.0.113.1', 'psad', 'scan', 'accepted', NULL, NULL, 1, NULL";
      a.sql(`INSERT INTO reports VALUES (1, ?, ${what}, ?)`).run(id, n);
      a.sql("INSERT INTO outcomes VALUES (?, 1, 'failed', NULL, 1, ?)").run(id.length, n);
    });
  await insert('a', 1);
  await b.catchUp();
  assert.deepEqual([a, b].map(numberingOf), [[], []]);
  const { entries } = servers.log;
  entries.push = (...made) =>
    entries.splice(Infinity, 0, ...made.map((entry) => ({ ...entry, schema: NUMBERED_SINCE - 1 }))).length;
  await insert('bb', null);
  await b.catchUp();
  assert.deepEqual(numberingOf(b), ['outcome_numbered', 'report_numbered']);
  const { happenings } = readPart(
    b.sql,
    { reports: 0, events: 0, outcomes: 0, audit: 0 },
    { matches: () => true },
    10,
  );
  assert.deepEqual(
    happenings.map(({ id }) => id),
    ['report/1', 'report/2', 'outcome/1', 'outcome/2'],
  );
});
