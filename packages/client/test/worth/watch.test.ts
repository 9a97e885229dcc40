import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../src/bans/state.ts';
import type { Counts } from '../../src/enforcers/enforcer.ts';
import { DropWatch } from '../../src/worth/watch.ts';
import { folder, ip, NOW, rowOf } from '../make.ts';

type Clock = { now: number | undefined; steady: number };

function watchOf(
  state: State,
  clock: Clock,
  counts: (() => Counts)[],
  took = 0,
  kinds: readonly string[] = ['nftables', 'ipset'],
): { watch: DropWatch; faults: string[] } {
  const faults: string[] = [];
  const watch = new DropWatch({
    enforcers: counts.map((each, index) => ({
      kind: kinds[index] ?? 'nftables',
      counts: () => {
        clock.steady += took;
        return Promise.resolve(each());
      },
    })),
    state,
    now: () => clock.now,
    monotonic: () => clock.steady,
    ownName: () => 'h9',
    read: () => undefined,
    fault: (_, text) => faults.push(text),
  });
  return { watch, faults };
}

const shows = (packets: Record<string, number>): Counts => ({
  ok: true,
  packets: new Map(Object.entries(packets)),
});

test('sums and addresses outlast a restart, replaced elements and sets that are made anew', async () => {
  using scratch = folder();
  let state = new State(scratch.path);
  state.put(rowOf({ ip: ip('203.0.113.1'), status: 'applied' }), NOW);
  state.put(rowOf({ ip: ip('2001:db8::2'), status: 'applied' }), NOW);
  const clock: Clock = { now: NOW + 10, steady: 0 };
  let kernel: Record<string, number> = {};
  let { watch } = watchOf(state, clock, [() => shows(kernel)]);
  assert.deepEqual(watch.dropped(), { unknown: 'not read yet' });
  await watch.read();
  const none = { v4: 0, v6: 0, found: 0, addresses: 0, before: 0 };
  const told = { since: NOW + 10, ago: 0, every: 60, partly: false, top: [] };
  assert.deepEqual(watch.dropped(), { ...told, ...none });
  const readings: [number, Record<string, number>, [number, number]][] = [
    [70, { '203.0.113.1': 10 }, [10, 0]],
    // Replaced: its counter began anew.
    [130, { '203.0.113.1': 4, '2001:db8::2': 3 }, [14, 3]],
    // The sets were made anew, and nothing came yet.
    [190, {}, [14, 3]],
    [250, { '203.0.113.1': 4 }, [18, 3]],
  ];
  for (const [at, packets, [v4, v6]] of readings) {
    clock.now = NOW + at;
    kernel = packets;
    await watch.read();
    const dropped = watch.dropped();
    assert.ok(!('unknown' in dropped));
    assert.deepEqual([dropped.v4, dropped.v6], [v4, v6], `after ${at} s`);
  }
  state.close();
  state = new State(scratch.path);
  ({ watch } = watchOf(state, clock, [() => shows(kernel)]));
  clock.now = NOW + 310;
  await watch.read();
  assert.deepEqual(watch.dropped(), {
    ...told,
    v4: 18,
    v6: 3,
    found: 21,
    addresses: 2,
    before: 2,
    top: [
      { ip: '203.0.113.1', packets: 18, isFound: true, least: 10, most: 70 },
      { ip: '2001:db8::2', packets: 3, isFound: true, least: 70, most: 130 },
    ],
  });
  state.close();
});

test('readings rest as long as they cost, by the given clock, and none is made before the server was heard', async () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const clock: Clock = { now: undefined, steady: 0 };
  const { watch } = watchOf(state, clock, [() => shows({})], 3);
  const rests: number[] = [];
  await watch.run((seconds) => {
    rests.push(seconds);
    if (rests.length === 2) clock.now = NOW;
    return Promise.resolve(rests.length < 4);
  });
  assert.deepEqual(rests, [1, 1, 300, 300]);
  assert.equal(watch.readings, 2);
  const dropped = watch.dropped();
  assert.equal('every' in dropped && dropped.every, 300);
  state.close();
});

test('where no enforcer counts, or none can, what was dropped is unknown and never 0', async () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const clock: Clock = { now: NOW, steady: 0 };
  const parts = { state, now: () => NOW, monotonic: () => 0, ownName: () => 'h9', read: () => undefined };
  const fail2ban = new DropWatch({ ...parts, enforcers: [{ kind: 'fail2ban' }], fault: () => undefined });
  let rests = 0;
  await fail2ban.run(() => Promise.resolve((rests += 1) < 3));
  assert.equal(rests, 0);
  assert.deepEqual(fail2ban.dropped(), {
    unknown: 'its enforcer (fail2ban) counts nothing for each address',
  });
  const { watch: old } = watchOf(state, clock, [() => ({ ok: false, reason: 'exit 1: syntax error' })]);
  await old.read();
  assert.deepEqual(old.dropped(), { unknown: 'exit 1: syntax error' });
  // Of two enforcers one counts: what is known is said, and that it is not all.
  const { watch: both } = watchOf(state, clock, [
    () => ({ ok: false, reason: 'exit 1: syntax error' }),
    () => shows({ '203.0.113.1': 2 }),
  ]);
  await both.read();
  const dropped = both.dropped();
  assert.deepEqual('partly' in dropped && [dropped.partly, dropped.v4], [true, 2]);
  state.close();
});

test('two enforcers of one kind have the same sets, whose packets count once', async () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const same = (): Counts => shows({ '203.0.113.1': 2 });
  const { watch } = watchOf(state, { now: NOW, steady: 0 }, [same, same], 0, ['nftables', 'nftables']);
  await watch.read();
  const dropped = watch.dropped();
  assert.deepEqual('v4' in dropped && [dropped.v4, dropped.partly], [2, false]);
  state.close();
});

test('ten thousand addresses are read without holding up the loop, and the fifty that sent most are told', async () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const clock: Clock = { now: NOW, steady: 0 };
  let many = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, n) => [`198.18.${n >> 8}.${n & 255}`, n + 1]),
  );
  const { watch } = watchOf(state, clock, [() => shows(many)]);
  let turns = 0;
  const turning = setInterval(() => (turns += 1), 0);
  await watch.read();
  clearInterval(turning);
  assert.ok(turns > 5, `${turns} turns`);
  const dropped = watch.dropped();
  assert.ok('top' in dropped);
  assert.equal(dropped.top.length, 50);
  assert.deepEqual(dropped.top[0], { ip: '198.18.39.15', packets: 10_000, isFound: false });
  for (const next of [{}, { '198.18.39.15': 3 }]) {
    many = next;
    await watch.read();
  }
  const after = watch.dropped();
  assert.deepEqual('top' in after && after.top[0], { ip: '198.18.39.15', packets: 10_003, isFound: false });
  state.close();
});
