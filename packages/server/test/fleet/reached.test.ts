import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

const DAY = 86_400;

test('when a host was as far as an event is known for a week, and then removed a part at a time, however long events are kept', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  await shelf.ledger.write(({ sql }) => {
    for (let n = 1; n <= 25; n += 1) sql('INSERT INTO acks VALUES (?, ?, ?)').run(host.id, n, NOW + n);
  });
  const count = (): number => shelf.ledger.sql('SELECT * FROM acks').all().length;
  const event = { seq: 5, at: NOW };
  assert.equal(shelf.book.reachedAt(host, event, NOW + 6 * DAY), NOW + 5);
  assert.equal(await shelf.ledger.sweep(NOW + 6 * DAY, 90 * DAY, 10), false);
  assert.equal(count(), 25);
  const later = NOW + 8 * DAY;
  assert.equal(await shelf.ledger.sweep(later, 90 * DAY, 10), true);
  assert.equal(count(), 15, 'reports wait for no more than a part');
  assert.equal(shelf.book.reachedAt(host, event, later), undefined, 'and no later moment is taken for it');
  while (await shelf.ledger.sweep(later, 90 * DAY, 10));
  assert.equal(count(), 0);
});
