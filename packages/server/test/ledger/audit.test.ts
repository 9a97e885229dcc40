import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Audit } from '../../src/ledger/books/audit.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

/** A log of so many entries. */
async function logOf(count: number, shelf: LedgerOfTest): Promise<Audit> {
  const audit = new Audit(shelf.ledger);
  await shelf.ledger.write(() => {
    for (let n = 1; n <= count; n += 1) audit.note('ban', { ip: `203.0.113.${n}` }, NOW + n / 3);
  });
  return audit;
}

test('the chain of the audit log holds, also after a restart and across pages', async () => {
  using shelf = new LedgerOfTest();
  assert.equal((await logOf(0, shelf)).firstBroken(), undefined);
  await logOf(2500, shelf);
  const audit = new Audit(shelf.reopen().ledger);
  assert.equal(audit.firstBroken(), undefined);
  await audit.add('unban', {}, NOW);
  assert.equal(audit.firstBroken(), undefined);
  assert.deepEqual(
    audit.newest(2).map(({ n, what }) => [n, what]),
    [
      [2500, 'ban'],
      [2501, 'unban'],
    ],
  );
});

for (const [what, sql, broken] of [
  ['a changed detail', `UPDATE audit SET details = '{}' WHERE n = 2`, 2],
  ['a changed word', `UPDATE audit SET what = 'unban' WHERE n = 3`, 3],
  ['a changed time', 'UPDATE audit SET at = at + 1 WHERE n = 1', 1],
  ['a changed hash', `UPDATE audit SET hash = '${'0'.repeat(64)}' WHERE n = 3`, 3],
  ['a removed entry', 'DELETE FROM audit WHERE n = 2', 2],
  ['a removed first entry', 'DELETE FROM audit WHERE n = 1', 1],
  ['removed last entries', 'DELETE FROM audit WHERE n > 2', 3],
  ['all entries removed', 'DELETE FROM audit', 1],
  ['an entry put in behind', `INSERT INTO audit SELECT 5, at, what, details, hash FROM audit WHERE n = 2`, 5],
  ['an entry put in before', `INSERT INTO audit SELECT 0, at, what, details, hash FROM audit WHERE n = 2`, 1],
  [
    'an entry put in between',
    `UPDATE audit SET n = n + 10 WHERE n > 2; INSERT INTO audit SELECT 3, at, what, details, hash FROM audit WHERE n = 2`,
    3,
  ],
  [
    'two entries exchanged',
    'UPDATE audit SET n = CASE n WHEN 2 THEN -3 ELSE -2 END WHERE n IN (2, 3); UPDATE audit SET n = -n WHERE n < 0',
    2,
  ],
] as const) {
  test(`audit --verify finds ${what}`, async () => {
    using shelf = new LedgerOfTest();
    const audit = await logOf(4, shelf);
    for (const one of sql.split('; ')) shelf.ledger.sql(one).run();
    assert.equal(audit.firstBroken(), broken);
  });
}
