import { test } from 'node:test';
import assert from 'node:assert/strict';
import { OPERATOR, type JailName } from '@banshare/protocol';
import { addressOf, LedgerOfTest, NOW } from '../ledger-of-test.ts';

test('an import is marked as one, also after a restart, and takes no word away that a person typed', async () => {
  using shelf = new LedgerOfTest();
  const ban = (ip: string, until: number | null) => ({
    ip: addressOf(ip),
    prog: OPERATOR,
    jail: 'banshare' as JailName,
    until,
  });
  const typed = await shelf.ledger.ban([ban('203.0.113.1', NOW + 60)], NOW, 'operator');
  const list = [ban('203.0.113.1', null), ban('203.0.113.2', NOW + 60)];
  const listed = await shelf.ledger.ban(list, NOW, 'import');
  const byHand = await shelf.ledger.ban([ban('203.0.113.2', NOW + 60)], NOW, 'operator');
  const longer = await shelf.ledger.ban([ban('203.0.113.1', null)], NOW + 1, 'import');
  const all = [...typed, ...listed, ...byHand, ...longer];
  assert.deepEqual(
    all.map(({ ip, by }) => [ip, by]),
    [
      ['203.0.113.1', 'operator'],
      ['203.0.113.1', 'operator'],
      ['203.0.113.2', 'import'],
      ['203.0.113.2', 'operator'],
    ],
  );
  assert.deepEqual(await shelf.reopen().ledger.since(0, 10), all);
});
