import { test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseAddress, parseJail, parseProg, type Report } from '@banshare/protocol';
import { judge, judgeUnban, type Policy } from '../../src/judging/judge.ts';
import { NO_PAST, type PublishedBan } from '../../src/words/verdict.ts';

const DAY = 86_400;
const POLICY: Policy = { windowSeconds: 300, defaultDurationSeconds: DAY, maxDurationSeconds: 30 * DAY };
const NOW = 1_795_257_600;

function report(durationSeconds?: number, ip = '203.0.113.9', prog = 'fail2ban'): Report {
  const address = parseAddress(ip);
  const by = parseProg(prog);
  const jail = parseJail('sshd');
  assert.ok(address.ok && by.ok && jail.ok);
  const duration = durationSeconds === undefined ? {} : { durationSeconds };
  return { ip: address.value, prog: by.value, jail: jail.value, ...duration };
}

/** `new until`, `duplicate` or `refused code`. */
function verdictOf(
  of: Report,
  known: PublishedBan | undefined,
  now = NOW,
  policy: Partial<Policy> = {},
): string {
  const verdict = judge(of, { ...POLICY, ...policy }, known, now);
  if (verdict.verdict === 'refused') return `refused ${verdict.code}`;
  if (verdict.verdict === 'duplicate') return 'duplicate';
  assert.ok('publish' in verdict && verdict.publish.kind === 'ban');
  return `new ${verdict.publish.until}`;
}

function banned(secondsAgo: number, until: number | null): PublishedBan {
  return { seq: 7, at: NOW - secondsAgo, until };
}

const TABLE: readonly [
  says: string,
  duration: number | undefined,
  known: PublishedBan | undefined,
  string,
][] = [
  ['an unknown ban is published', 600, undefined, `new ${NOW + 600}`],
  ['without a duration it lasts as the server has it', undefined, undefined, `new ${NOW + DAY}`],
  ['a duration is capped', 31 * DAY, undefined, `new ${NOW + 30 * DAY}`],
  ['for ever is capped too', -1, undefined, `new ${NOW + 30 * DAY}`],
  ['a repeat just inside the window is a duplicate', 600, banned(299.9, NOW + 301), 'duplicate'],
  ['a repeat just after the window is published', 600, banned(300, NOW + 300), `new ${NOW + 600}`],
  ['a ban that is over is published again', 600, banned(200, NOW), `new ${NOW + 600}`],
  ['a shorter report is a duplicate', 60, banned(10, NOW + 590), 'duplicate'],
  ['one that ends a window later is a duplicate', 600, banned(10, NOW + 300), 'duplicate'],
  ['one that ends more than a window later is published', 601, banned(10, NOW + 300), `new ${NOW + 601}`],
  ['nothing is longer than for ever', 30 * DAY, banned(10, null), 'duplicate'],
  ['one that ends no later is a duplicate, however long ago', 600, banned(9000, NOW + 600), 'duplicate'],
  ['one that would end a standing ban at once is a duplicate', 0, banned(9000, NOW + 600), 'duplicate'],
  ['nothing replaces for ever', 30 * DAY, banned(9000, null), 'duplicate'],
  ['one that ends later after the window is published', 601, banned(300, NOW + 600), `new ${NOW + 601}`],
  ['a clock that was set back still makes duplicates', 600, banned(-100, NOW + 700), 'duplicate'],
];

for (const [says, duration, known, wanted] of TABLE) {
  test(`judge(): ${says}`, () => assert.equal(verdictOf(report(duration), known), wanted));
}

test('judge() bans for ever where no limit is set, and that is news after a ban with an end', () => {
  const noLimit = { maxDurationSeconds: -1 };
  assert.equal(verdictOf(report(-1), undefined, NOW, noLimit), 'new null');
  assert.equal(verdictOf(report(-1), banned(1, NOW + 30 * DAY), NOW, noLimit), 'new null');
  assert.equal(verdictOf(report(-1), banned(1, null), NOW, noLimit), 'duplicate');
  assert.equal(verdictOf(report(), undefined, NOW, { defaultDurationSeconds: -1, ...noLimit }), 'new null');
});

test('judge() has a report that waited ban for what is left, and one whose ban is over bans nothing', () => {
  const judged = (durationSeconds: number | undefined, waited: number): unknown =>
    judge(report(durationSeconds), POLICY, undefined, NOW, { ...NO_PAST, waited });
  const until = (end: number): unknown => ({ verdict: 'accepted', publish: { kind: 'ban', until: end } });
  assert.deepEqual(judged(7200, 3600), until(NOW + 3600));
  assert.deepEqual(judged(undefined, 3600), until(NOW + DAY - 3600));
  assert.deepEqual(judged(-1, 3600), until(NOW + 30 * DAY - 3600), 'also of what max-duration cuts');
  assert.deepEqual(judged(30, 59), until(NOW + 30), 'a moment on the way is no waiting');
  const reason = 'its ban of 10m was over before it came, 10m after it was found: nothing is published';
  assert.deepEqual(judged(600, 600), { verdict: 'duplicate', code: 'over', reason });
});

test('judge() rounds the end up to whole seconds', () => {
  assert.equal(verdictOf(report(600), undefined, NOW + 0.001), `new ${NOW + 601}`);
  assert.equal(verdictOf(report(600), undefined, NOW), `new ${NOW + 600}`);
});

test('judge() refuses the prog of operators and what is never banned', () => {
  for (const prog of ['operator', 'Operator', 'OPERATOR'])
    assert.equal(verdictOf(report(600, '203.0.113.9', prog), undefined), 'refused operator');
  for (const ip of [
    '127.0.0.1',
    '10.0.0.1',
    '::1',
    'fe80::1',
    '224.0.0.1',
    '64:ff9b::a00:1',
    '2002:a00:1::',
  ]) {
    assert.equal(verdictOf(report(600, ip), undefined), 'refused never-ban', ip);
  }
});

const seconds = fc.double({ min: 0, max: 1000, noNaN: true });

test('judge(): with equal durations a repeat inside the window, while the ban lasts, is always a duplicate', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 * DAY }),
      fc.integer({ min: 1, max: 3600 }),
      fc.double({ min: NOW, max: NOW + DAY, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (duration, windowSeconds, first, part) => {
        const policy = { ...POLICY, windowSeconds };
        const one = judge(report(duration), policy, undefined, first);
        assert.ok('publish' in one && one.publish.kind === 'ban');
        const { until } = one.publish;
        const again = first + part * windowSeconds;
        fc.pre(until !== null && again < until && again - first < windowSeconds);
        assert.equal(verdictOf(report(duration), { seq: 1, at: first, until }, again, policy), 'duplicate');
      },
    ),
  );
});

test('judge(): repeats do not extend the window, so that a persistent attacker is published again', () => {
  fc.assert(
    fc.property(fc.array(seconds, { minLength: 1, maxLength: 60 }), (gaps) => {
      let now = NOW;
      let known: PublishedBan | undefined;
      for (const gap of gaps) {
        now += gap;
        const verdict = judge(report(DAY), POLICY, known, now);
        const isNews = known === undefined || now - known.at >= POLICY.windowSeconds;
        assert.equal(verdict.verdict, isNews ? 'accepted' : 'duplicate');
        if ('publish' in verdict && verdict.publish.kind === 'ban') {
          known = { seq: 1, at: now, until: verdict.publish.until };
        }
      }
    }),
  );
});

test('judge(): the end is a whole second, never earlier than asked and less than a second later', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30 * DAY }), seconds, (duration, part) => {
      const now = NOW + part;
      const until = Number(verdictOf(report(duration), undefined, now).split(' ')[1]);
      assert.ok(Number.isInteger(until));
      assert.ok(until >= now + duration && until < now + duration + 1);
    }),
  );
});

test('judgeUnban(): only the last supporter lifts a ban', () => {
  assert.deepEqual(judgeUnban({ isActive: true, supports: true, others: 0 }), {
    verdict: 'accepted',
    publish: { kind: 'unban' },
  });
  assert.deepEqual(judgeUnban({ isActive: true, supports: true, others: 1 }), {
    verdict: 'accepted',
    withdraw: true,
  });
  for (const known of [
    { isActive: true, supports: false, others: 1 },
    { isActive: false, supports: true, others: 0 },
    { isActive: false, supports: false, others: 0 },
  ]) {
    assert.deepEqual(judgeUnban(known), { verdict: 'duplicate' });
  }
});
