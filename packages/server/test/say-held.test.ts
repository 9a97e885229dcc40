import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '@banshare/runtime';
import { sayFrozen } from '../src/judging/freeze.ts';
import { Audit, LIMIT_ENTRY } from '../src/ledger/books/audit.ts';
import { heldNotice } from '../src/say-held.ts';
import { LedgerOfTest, NOW } from './ledger-of-test.ts';

test('A reason that tells for how long it has been so is the same one a second later, and another code is another', async () => {
  using made = new LedgerOfTest();
  const audit = new Audit(made.ledger);
  const said: string[] = [];
  const log: Pick<Log, 'error'> = { error: (_text, { reason } = {}) => said.push(String(reason)) };
  let now = NOW;
  const notice = heldNotice({ ledger: made.ledger, log: log as Log, clock: { now: () => now } }, audit);
  const hold = async (code: string, reason: string): Promise<void> =>
    (await made.ledger.write(() => notice(1, { code, reason })))?.();
  const frozen = { since: NOW, until: null };
  for (; now < NOW + 5; now += 1) await hold('frozen', sayFrozen(frozen, now));
  await hold('active', 'too many are active');
  now += 600;
  await hold('active', 'too many are active');
  assert.deepEqual(
    said.map((reason) => reason.split(' ')[0]),
    [sayFrozen(frozen, NOW).split(' ')[0], 'too', 'too'],
  );
  assert.equal(audit.newest(10).filter(({ what }) => what === LIMIT_ENTRY).length, 3);
});
