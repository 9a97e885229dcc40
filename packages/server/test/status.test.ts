import { test } from 'node:test';
import assert from 'node:assert/strict';
import { hostsOf } from '../src/status.ts';
import { LedgerOfTest, NOW } from './ledger-of-test.ts';

const DAY = 86_400;

test('a host not heard of for gone-after is gone, and back with its next acknowledgement', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  const states = async (now: number): Promise<string[]> => {
    const parts = { ledger: shelf.ledger, book: shelf.book, goneAfterSeconds: 7 * DAY };
    return (await hostsOf(parts, now)).map(({ state }) => state);
  };
  assert.deepEqual(await states(NOW + 7 * DAY), ['active']);
  assert.deepEqual(await states(NOW + 7 * DAY + 1), ['gone']);
  const { epoch, seq: applied, tail } = shelf.ledger.head();
  const ack = { kind: 'ack', epoch, applied, tail, instance: 'i', version: '1', generation: 'g' } as const;
  shelf.book.acknowledge(host, { ...ack, addresses: [], outcomes: [] }, 0, NOW + 8 * DAY);
  assert.deepEqual(await states(NOW + 8 * DAY), ['active']);
});
