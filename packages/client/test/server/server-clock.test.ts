import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../../src/server/server-clock.ts';
import { NOW } from '../make.ts';

/** A clock of a host whose monotonic seconds are in the hands of the test. */
function clockAndPass(): { clock: ServerClock; pass: (seconds: number) => void } {
  let monotonic = 1000;
  return { clock: new ServerClock(() => monotonic), pass: (seconds) => (monotonic += seconds) };
}

test('ServerClock knows no time before the server was heard', () => {
  assert.equal(new ServerClock().now(), undefined);
});

test("ServerClock goes on by this host's monotonic clock", () => {
  const { clock, pass } = clockAndPass();
  clock.hear(NOW);
  pass(90);
  assert.equal(clock.now(), NOW + 90);
});

test('ServerClock follows a server whose clock is set by less than an hour', () => {
  const { clock, pass } = clockAndPass();
  clock.hear(NOW);
  pass(1);
  clock.hear(NOW + 1800);
  assert.equal(clock.now(), NOW + 1800);
  clock.hear(NOW - 1000);
  assert.equal(clock.now(), NOW - 1000);
});

for (const [what, jump] of [
  ['ten years ahead', 315_360_000],
  ['a day back', -86_400],
] as const) {
  test(`ServerClock doubts a server that is suddenly ${what}, and believes it after an hour`, () => {
    const { clock, pass } = clockAndPass();
    clock.hear(NOW);
    pass(10);
    clock.hear(NOW + jump);
    assert.equal(clock.now(), NOW + 10);
    pass(3000);
    clock.hear(NOW + jump + 3000);
    assert.equal(clock.now(), NOW + 3010);
    pass(1000);
    clock.hear(NOW + jump + 4000);
    assert.equal(clock.now(), NOW + jump + 4000);
  });
}

test('ServerClock forgets its doubt when the server is right again', () => {
  const { clock, pass } = clockAndPass();
  clock.hear(NOW);
  clock.hear(NOW + 86_400);
  pass(3000);
  clock.hear(NOW + 3000);
  pass(1000);
  clock.hear(NOW + 86_400);
  assert.equal(clock.now(), NOW + 4000);
});
