import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BanTimes } from '../../src/worth/took.ts';
import { NOW, rowOf } from '../make.ts';

type Clock = { steady: number; server: number | undefined };

function timesOf(clock: Clock): BanTimes {
  return new BanTimes(
    () => clock.steady,
    () => clock.server,
  );
}

const applied = { outcome: 'applied' as const, localJail: rowOf().localJail };
const heard = (...seqs: number[]): { kind: string; seq: number }[] =>
  seqs.map((seq) => ({ kind: 'ban', seq }));

test('a ban took as long as the server’s clock says here, with half a round trip, and no less than passed since it came in', () => {
  const clock = { steady: 100, server: NOW };
  const times = timesOf(clock);
  times.answered(0.3);
  times.answered(0.02);
  times.answered(0.5);
  times.heard(heard(1, 2));
  // The server's clock as it is reckoned here is late: its last word waited for a busy loop.
  Object.assign(clock, { steady: 100.2, server: NOW + 0.05 });
  times.settled(rowOf({ seq: 1, at: NOW }), applied);
  // This host heard late of the event, though it had everything before.
  Object.assign(clock, { server: NOW + 2 });
  times.settled(rowOf({ seq: 2, at: NOW }), applied);
  assert.deepEqual(times.take(), [
    { seq: 1, ms: 210 },
    { seq: 2, ms: 2010 },
  ]);
  assert.deepEqual(times.take(), []);
});

test('what was not heard while in step, failed, was tried again or lifted is not timed', () => {
  const clock: Clock = { steady: 0, server: NOW };
  const times = timesOf(clock);
  times.heard([...heard(2, 3, 4, 5), { kind: 'unban', seq: 6 }]);
  times.settled(rowOf({ seq: 1 }), applied);
  times.settled(rowOf({ seq: 2 }), { outcome: 'failed', reason: 'x', localJail: applied.localJail });
  times.settled(rowOf({ seq: 3, attempts: 1 }), applied);
  times.settled(rowOf({ seq: 4, status: 'lifting' }), applied);
  times.settled(rowOf({ seq: 6 }), applied);
  clock.server = undefined;
  times.settled(rowOf({ seq: 5 }), applied);
  assert.deepEqual(times.take(), []);
});

test('of more bans than can be told some of all are told, and not the first alone', () => {
  const times = timesOf({ steady: 0, server: NOW });
  const seqs = Array.from({ length: 1000 }, (_, n) => n + 1);
  times.heard(heard(...seqs));
  for (const seq of seqs) times.settled(rowOf({ seq, at: NOW }), applied);
  const told = times.take().map(({ seq }) => seq);
  assert.ok(told.length >= 30 && told.length <= 60, `${told.length} told`);
  assert.ok((told.at(-1) ?? 0) > 900 && told.some((seq) => seq > 400 && seq < 600));
});
