import { test } from 'node:test';
import assert from 'node:assert/strict';
import { LedgerWatch } from '../../src/operator/outages.ts';
import { NOW } from '../ledger-of-test.ts';

const well = async (): Promise<void> => undefined;
const full = async (): Promise<void> => {
  throw new Error('database or disk is full');
};

test('a ledger that cannot be written is told from the first failure on, and for a minute after the last', async () => {
  const watch = new LedgerWatch();
  assert.equal(await watch.outage(well, NOW), null);
  watch.failed('disk I/O error', NOW);
  assert.deepEqual(await watch.outage(full, NOW + 30), { since: NOW, reason: 'database or disk is full' });
  assert.deepEqual((await watch.outage(well, NOW + 90))?.since, NOW);
  assert.equal(await watch.outage(well, NOW + 91), null);
  assert.deepEqual((await watch.outage(full, NOW + 200))?.since, NOW + 200);
});
