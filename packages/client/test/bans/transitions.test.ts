import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BanRow, Lift, RowStatus, Standing } from '../../src/bans/ban-row.ts';
import type { Effect } from '../../src/bans/change.ts';
import type { Chosen } from '../../src/bans/choice.ts';
import * as steps from '../../src/bans/transitions.ts';
import { FULL, NO_REASON, PAUSED, sayReason } from '../../src/bans/reason.ts';
import { eventOf, host, jail, NOW, reasonOf, rowOf } from '../make.ts';

const HERE: Chosen = { apply: true, localJail: jail('sshd') };
const LEFT_OUT: Chosen = { apply: false, reason: reasonOf('own'), isForbidden: false };
const FORBIDDEN: Chosen = { apply: false, reason: PAUSED, isForbidden: true };

const row = (status: RowStatus, fields = {}): BanRow => rowOf({ status, ...fields });
const standing = (status: Standing['status'], fields = {}): Standing => row(status, fields) as Standing;
const lift = (fields = {}): Lift => row('lifting', fields) as Lift;
const effect = (outcome: Effect['outcome'], fields = {}): Effect =>
  ({ outcome, localJail: jail('sshd'), ...fields }) as Effect;

/** A row in short: its state, whether it is ours, why it is so, and why it is or was kept back. */
const short = (next: BanRow | undefined): string =>
  next === undefined
    ? 'no row'
    : [next.status, ...(next.isOurs ? ['ours'] : []), sayReason(next.reason), sayReason(next.keptBack)]
        .filter(Boolean)
        .join(' ');

for (const [what, next, expected] of [
  ['published for the first time', steps.published(eventOf(), HERE, undefined), 'pending'],
  ['published and not for this host', steps.published(eventOf(), LEFT_OUT, undefined), 'skipped own'],
  [
    'published anew where it is in place',
    steps.published(eventOf(), HERE, row('applied', { isOurs: true })),
    'pending ours',
  ],
  [
    'published anew and forbidden by now where it is in place',
    steps.published(eventOf(), FORBIDDEN, row('applied', { isOurs: true })),
    'lifting ours paused',
  ],
  [
    "published anew and forbidden where only this host's own detection has it",
    steps.published(eventOf(), FORBIDDEN, row('already')),
    'skipped paused',
  ],
  ['decided anew', steps.decidedAnew(row('skipped', { reason: 'full' }), HERE, FULL), 'pending full'],
  ['confirmed by a snapshot', steps.confirmed(row('released'), eventOf({ seq: 9, until: null })), 'released'],
  ['in another history', steps.lacking(row('applied', { isOurs: true })), 'applied ours'],
  ['over', steps.ended(row('applied', { isOurs: true, reason: 'x', keptBack: 'y' })), 'lifting ours'],
  ['lifted by an operator where it is not known', steps.unbanned(eventOf(), jail('x'), undefined), 'lifting'],
  ['lifted by an operator beside another', steps.unbannedToo(row('already', { seq: 0 })), 'lifting'],
  ['kept back while it is under way', steps.keptBack(row('pending'), FULL), 'lifting full'],
  ['kept back before its command begins', steps.keptBack(row('pending'), FULL, false), 'skipped full'],
  ['kept back where it failed', steps.keptBack(row('failed', { reason: 'exit 1' }), FULL), 'skipped full'],
  ['kept back while it is kept back', steps.keptBack(lift({ keptBack: 'full' }), PAUSED), 'lifting paused'],
  ['kept back while it is lifted for good', steps.keptBack(lift(), FULL), 'no row'],
  ['kept back where it was skipped', steps.keptBack(row('skipped'), FULL), 'no row'],
  ['kept back where others put it in place', steps.keptBack(row('already'), FULL), 'no row'],
  ['begun before the program was killed', steps.begun(row('pending')), 'pending ours'],
  ['the heir of one of ours', steps.inherited(row('already'), lift({ isOurs: true })), 'already ours'],
  ['lifted', steps.lifted(lift({ isOurs: true })), 'no row'],
  ['lifted and kept back', steps.lifted(lift({ isOurs: true, keptBack: 'full' })), 'skipped full'],
  ['failed to be lifted', steps.liftFailed(lift({ isOurs: true }), 'exit 1', NOW), 'lifting ours exit 1'],
  ['failed and tried again', steps.triedAgain(row('failed', { reason: 'exit 1' })), 'pending exit 1'],
  ['lifting and tried again', steps.triedAgain(lift({ keptBack: 'full' })), 'lifting full'],
  ['a range, tried with others', steps.triedWithOthers(standing('failed', { reason: 'range' })), 'pending'],
  ['lost', steps.putBack(standing('applied', { isOurs: true })), 'pending ours'],
  [
    'unproven and put back',
    steps.putBack(standing('unproven', { reason: 'not there' })),
    'pending unproven: not there',
  ],
  ['let go by fail2ban', steps.letGo(standing('applied', { isOurs: true })), 'released'],
  [
    'handed over where it had failed',
    steps.handedOver(
      standing('failed', { reason: 'exit 1' }),
      { localJail: jail('x'), isOurs: false },
      false,
    ),
    'pending exit 1',
  ],
  [
    'handed over while it has to wait',
    steps.handedOver(standing('applied', { isOurs: true }), { localJail: jail('x'), isOurs: false }, true),
    'applied',
  ],
  ['no longer in the way', steps.noLongerInTheWay(standing('applied')), 'pending'],
  ["taken over from this host's own detection", steps.takenOver(row('already')), 'applied ours'],
] as const) {
  test(`a ban that is ${what} becomes: ${expected}`, () => {
    assert.equal(short(next), expected);
  });
}

for (const [outcome, begun, expected] of [
  [effect('applied'), {}, 'applied ours'],
  [effect('already'), {}, 'already'],
  [effect('already'), { isOurs: true }, 'applied ours'],
  [effect('released'), {}, 'released'],
  [effect('failed', { reason: 'exit 1' }), {}, 'failed exit 1'],
  [effect('failed', { reason: 'too long', isBegun: true }), {}, 'failed ours too long'],
  [effect('unproven', { reason: 'not there', isBegun: true }), {}, 'unproven ours not there'],
] as const) {
  const earlier = 'isOurs' in begun ? ' of one that was ours' : '';
  test(`a command${earlier} that ends with "${JSON.stringify(outcome)}" leaves the ban: ${expected}`, () => {
    const pending = standing('pending', begun);
    assert.equal(short(steps.banned(pending, pending, outcome, NOW)), expected);
  });
}

test('a command that ends after another event tells that event only where the ban stands', () => {
  const began = standing('pending');
  const effects = { ...effect('applied'), localJail: jail('banshare') };
  for (const current of [lift(), row('pending', { seq: 7 })]) {
    const next = steps.banned(current, began, effects, NOW);
    assert.deepEqual(
      [next.status, next.seq, next.isOurs, next.localJail],
      [current.status, current.seq, true, 'banshare'],
    );
  }
});

test('whoever found a ban first stays its finder when it is renewed, handed over or decided anew, and not once it was over', () => {
  const earlier = row('applied', { finder: host('h7') });
  assert.equal(steps.published(eventOf({ host: host('h8') }), HERE, earlier).finder, 'h7');
  assert.equal(steps.decidedAnew({ ...earlier, isOurs: false }, HERE, NO_REASON).finder, 'h7');
  const over = { ...earlier, until: NOW - 1 };
  assert.equal(steps.published(eventOf({ host: host('h8') }), HERE, over).finder, 'h8');
});

test('a command that fails is tried again twice as long after each time, at most ten minutes, and for about a day', () => {
  let failing = standing('pending');
  const pauses: number[] = [];
  let seconds = 0;
  do {
    const next = steps.banned(failing, failing, effect('failed', { reason: 'exit 1' }), NOW);
    if (next.retryAt !== null) pauses.push(next.retryAt - NOW);
    seconds += (next.retryAt ?? NOW) - NOW;
    failing = { ...next, status: 'pending' } as Standing;
  } while (failing.retryAt !== null);
  assert.deepEqual(pauses.slice(0, 10), [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
  assert.ok(seconds > 80_000 && seconds < 100_000, `${seconds} s`);
});

test('a lift that fails is tried for ever: after a day four times a day', () => {
  const { retryAt, reason } = steps.liftFailed(lift({ attempts: 5000 }), 'exit 1', NOW);
  assert.deepEqual([retryAt, sayReason(reason)], [NOW + 6 * 3600, 'exit 1']);
});

test('what no enforcer of this host can do is not tried again', () => {
  const pending = standing('pending');
  const unfit = effect('failed', { reason: 'range', unfit: ['log'] });
  assert.equal(steps.banned(pending, pending, unfit, NOW).retryAt, null);
});
