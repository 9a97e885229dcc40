import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../../src/judging/judge.ts';
import { madeAt } from '../../src/judging/made-at.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

const HOUR = 3600;

const cases: [what: string, stamped: number, clockAhead: number | null, made: number, age?: number][] = [
  ['a right clock: as it says', -5, 0, -5],
  ['one that is known to be ahead, or behind: by so much', 20, 30, -10],
  ['one that is known to be behind', -40, -30, -10],
  ['nothing was made after it arrived, whatever the correction says', -1, -30, 0],
  ['a stamp ahead of its arrival shows a clock of which nothing else is known', 30, null, -60],
  ['also where the acknowledgements tell of another clock', 30, 0.2, -60],
  ['half a second is no such clock', 0.5, null, 0],
  ['signed anew by this clock, since its own is an hour ahead, it is no hour older', -2, HOUR, -2, 0],
  ['the same of what waited for ten minutes, and of a clock that is behind', -602, -9 * 24 * HOUR, -602, 600],
  ['one by a clock that is an hour ahead, which waited for two', -HOUR, HOUR, -2 * HOUR, 2 * HOUR],
  ['one by a clock that is an hour behind, which waited for two', -3 * HOUR, -HOUR, -2 * HOUR, 2 * HOUR],
  ['an older sender tells no age: as old as it may be', -2, HOUR, -2 - HOUR],
  ['what waited on a host whose clock nobody knows is as old as it waited', -5, null, -50, 50],
  ['and on one whose clock is behind, by nobody knows how much, older', -HOUR, null, -HOUR, 50],
];
for (const [what, stamped, clockAhead, made, age] of cases)
  test(`when a report was made: ${what}`, () => {
    const stamp = { at: NOW + stamped, ...(age === undefined ? {} : { age }) };
    assert.equal(madeAt(stamp, NOW, clockAhead), NOW + made);
  });

test("no report of what was found before an operator's unban undoes it, by whatever clock within the limit it is stamped", () => {
  using shelf = new LedgerOfTest();
  const { report } = shelf.report(shelf.host('a'), '203.0.113.9');
  const policy = { windowSeconds: 300, defaultDurationSeconds: 3600, maxDurationSeconds: -1 };
  for (let ahead = 2; ahead <= 60; ahead += 1)
    for (const delay of [0, 1, 5, 30]) {
      const [found, liftedAt] = [NOW - 1, NOW];
      const received = NOW + delay;
      // Once the stamp is older than the arrival nothing shows that the clock is ahead; acknowledgements tell.
      const clockAhead = found + ahead > received + 1 ? null : ahead;
      const past = {
        madeAt: madeAt({ at: found + ahead }, received, clockAhead),
        liftedAt,
        offences: 0,
        isBanned: false,
      };
      const verdict = judge(report, policy, undefined, received, past);
      assert.equal(
        'code' in verdict ? verdict.code : verdict.verdict,
        'lifted',
        `${ahead} s, ${delay} s later`,
      );
    }
});
