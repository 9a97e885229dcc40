import { test } from 'node:test';
import assert from 'node:assert/strict';
import { parseRange, type Range } from '@banshare/protocol';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import type { Decide } from '../../src/words/submission.ts';

const DAY = 86_400;
const counted: Decide = () => ({ verdict: 'counted' });
const held: Decide = () => ({ verdict: 'held', until: null, code: 'frozen', reason: 'a test' });
const refused: Decide = () => ({ verdict: 'refused', code: 'never-ban', reason: 'a test' });
const withdrawn: Decide = () => ({ verdict: 'accepted', withdraw: true });

function rangeOf(text: string): Range {
  const range = parseRange(text);
  assert.ok(range.ok);
  return range.value;
}

const REPORTED = [
  '198.51.100.31',
  '198.51.100.200',
  '198.51.10.3',
  '64:ff9b::c633:641f',
  '2002:c633:641f::1',
  '2001:db8::1',
  '2001:db8:0:7::1',
  '2001:db8:7::1',
  '2001::7:1:1:1:1',
  '2001:db8:1:2:3:4:5:6',
];

const table: [range: string, lifted: string[]][] = [
  ['198.51.100.31', ['198.51.100.31', '2002:c633:641f::1', '64:ff9b::c633:641f']],
  ['198.51.100.0/25', ['198.51.100.31', '2002:c633:641f::1', '64:ff9b::c633:641f']],
  [
    '198.51.0.0/16',
    ['198.51.10.3', '198.51.100.200', '198.51.100.31', '2002:c633:641f::1', '64:ff9b::c633:641f'],
  ],
  ['2001:db8::/48', ['2001:db8:0:7::1', '2001:db8::1']],
  ['2001:db8:0:7::/64', ['2001:db8:0:7::1']],
  ['2001:db8::/32', ['2001:db8:0:7::1', '2001:db8:1:2:3:4:5:6', '2001:db8:7::1', '2001:db8::1']],
  ['2001:db8:1:2:3:4:5:6', ['2001:db8:1:2:3:4:5:6']],
  ['2001:db8:0:7::1', ['2001:db8:0:7::1']],
  ['2001:0:0:7::/64', ['2001::7:1:1:1:1']],
  ['203.0.113.0/24', []],
];

for (const [range, expected] of table) {
  test(`of what was only counted, ${expected.length} are lifted within ${range}, and once`, async () => {
    using shelf = new LedgerOfTest();
    const host = shelf.host('h1');
    await shelf.ledger.record(
      REPORTED.map((ip) => shelf.report(host, ip)),
      counted,
    );
    const lift = async (): Promise<string[]> =>
      (await shelf.ledger.liftReported(rangeOf(range), NOW - DAY, NOW + 1, 1000))
        .map(({ ip }) => ip)
        .toSorted();
    assert.deepEqual(await lift(), expected);
    assert.deepEqual(await lift(), []);
  });
}

test('lifting within a range lifts what was held or refused too, and forgets what is held', async () => {
  using shelf = new LedgerOfTest();
  const [h1, h2] = [shelf.host('h1'), shelf.host('h2')];
  const { ledger } = shelf;
  await ledger.record([shelf.report(h1, '203.0.113.1'), shelf.report(h1, '198.51.100.1')], held);
  await ledger.record([shelf.report(h2, '203.0.113.2')], refused);
  const events = await ledger.liftReported(rangeOf('203.0.113.0/24'), NOW - DAY, NOW + 1, 1000);
  assert.deepEqual(
    events.map(({ kind, ip, prog, jail, host }) => [kind, ip, prog, jail, host]),
    ['203.0.113.1', '203.0.113.2'].map((ip) => ['unban', ip, 'psad', 'scan', 'operator']),
  );
  assert.equal(ledger.countHeld(), 1);
});

test('what its host took back, or reported before that time, is not lifted', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  const { ledger } = shelf;
  await ledger.record(
    [shelf.report(host, '203.0.113.1', NOW), shelf.report(host, '203.0.113.2', NOW - DAY - 1)],
    counted,
  );
  await ledger.record([shelf.unban(host, '203.0.113.1', NOW + 1)], withdrawn);
  assert.deepEqual(await ledger.liftReported(rangeOf('203.0.113.0/24'), NOW - DAY, NOW + 2, 1000), []);
});

test('of many addresses so many are lifted at once, and the rest next', async () => {
  using shelf = new LedgerOfTest();
  const host = shelf.host('h1');
  await shelf.ledger.record(
    [1, 2, 3].map((last) => shelf.report(host, `203.0.113.${last}`)),
    counted,
  );
  const lift = (): Promise<readonly unknown[]> =>
    shelf.ledger.liftReported(rangeOf('203.0.113.0/24'), NOW - DAY, NOW + 1, 2);
  assert.deepEqual([(await lift()).length, (await lift()).length, (await lift()).length], [2, 1, 0]);
});
