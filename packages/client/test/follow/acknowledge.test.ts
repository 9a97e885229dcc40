import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AckRequest, Took } from '@banshare/protocol';
import { readClientConfig, type ClientConfig } from '@banshare/runtime';
import { makeIdentity } from '@banshare/transport';
import { Acknowledger, type DroppedHere } from '../../src/follow/acknowledge.ts';
import { ServerLink } from '../../src/server/server-link.ts';
import { State } from '../../src/bans/state.ts';
import { HandMadeServer } from '../hand-made-server.ts';
import { folder, ip, NOW, rowOf } from '../make.ts';

const identity = await makeIdentity();
const position = { epoch: 'e1', seq: 9, tail: '0123456789abcdef' };
const read = await readClientConfig('/nonexistent');
assert.ok(read.ok);
const config: ClientConfig = read.config;

const UNCOUNTED: DroppedHere = {
  readings: 0,
  dropped: () => ({ unknown: 'fail2ban counts nothing' }),
};

type Acked = { takesRanges: boolean; others: string[]; dropped: DroppedHere; took: Took[] };

function acknowledgerOf(
  link: ServerLink,
  state: State,
  { takesRanges, others, dropped, took }: Acked,
): Acknowledger {
  return new Acknowledger(link, state, {
    instance: 'i1',
    generation: 'development',
    config,
    takesRanges,
    named: () => undefined,
    servers: { current: 'a.example.org', others },
    receipt: () => ({ ...state.receipt(), enforcer: 'log' }),
    spooled: () => 3,
    dropped,
    times: { take: () => took.splice(0), answered: () => undefined },
  });
}

/** Lets a host acknowledge until nothing is left to be told, and gives what the server read. */
async function acks(
  prepare: (state: State) => void,
  enough: (acks: AckRequest[]) => boolean,
  takesRanges = false,
  others: string[] = [],
  dropped = UNCOUNTED,
  took: Took[] = [],
): Promise<AckRequest[]> {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const state = new State(scratch.path);
  prepare(state);
  const link = new ServerLink(server.address, identity);
  const all: AckRequest[] = [];
  const told = Promise.withResolvers<void>();
  server.answer = (request) => {
    if (request.kind === 'ack') all.push(request);
    if (enough(all)) told.resolve();
    return { status: 'OK', verdict: 'accepted' };
  };
  const acknowledger = acknowledgerOf(link, state, { takesRanges, others, dropped, took });
  acknowledger.ring();
  acknowledger.ring();
  await told.promise;
  // Its answer is on the way; the next question is asked after it was taken.
  await link.ask({ kind: 'sync', limit: 1 }, 10_000);
  link.close();
  state.close();
  return all;
}

test('What rings as the connection closes, or after that, does not read a state that is closed', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  using scratch = folder();
  const state = new State(scratch.path);
  const server = { reportEndpoint: 'tcp://127.0.0.1:1', publishEndpoint: '', serverKey: 'k'.repeat(40) };
  const link = new ServerLink(server, identity);
  let readings = 0;
  const dropped: DroppedHere = {
    get readings() {
      return (readings += 1);
    },
    dropped: UNCOUNTED.dropped,
  };
  for (const isOpen of [true, false]) {
    const acknowledger = acknowledgerOf(link, state, { takesRanges: false, others: [], dropped, took: [] });
    if (isOpen) acknowledger.ring();
    acknowledger.close();
    if (!isOpen) acknowledger.ring();
    t.mock.timers.tick(1000);
    assert.equal(readings, 0);
  }
  const open = acknowledgerOf(link, state, { takesRanges: false, others: [], dropped, took: [] });
  open.ring();
  t.mock.timers.tick(1000);
  assert.equal(readings, 1);
  open.close();
  link.close();
  state.close();
});

test('An acknowledgement tells by which server the host is there, where it knows several', async () => {
  const at = (state: State): void => state.advance(position, () => undefined);
  const [one] = await acks(at, (all) => all.length > 0);
  const [of2] = await acks(at, (all) => all.length > 0, false, ['b.example.org']);
  assert.deepEqual([one?.server, of2?.server], [undefined, 'a.example.org']);
});

test('An acknowledgement tells the position with its tail where all is carried out', async () => {
  const [ack, ...more] = await acks(
    (state) => state.advance(position, () => state.put(rowOf({ seq: 9, status: 'applied' }), NOW)),
    (all) => all.length > 0,
  );
  assert.deepEqual([ack?.epoch, ack?.applied, ack?.tail, ack?.instance], ['e1', 9, position.tail, 'i1']);
  assert.deepEqual(ack?.outcomes, []);
  assert.deepEqual(more, []);
});

for (const takesRanges of [true, false]) {
  test(`An acknowledgement ${takesRanges ? 'tells' : 'does not tell'} that this host takes ranges where that is ${takesRanges}`, async () => {
    const [ack] = await acks(
      (state) => state.advance(position, () => undefined),
      (all) => all.length > 0,
      takesRanges,
    );
    assert.equal(ack?.ranges, takesRanges ? true : undefined);
  });
}

test('An acknowledgement stops before the first ban that is still to be done', async () => {
  const [ack] = await acks(
    (state) => state.advance(position, () => state.put(rowOf({ seq: 5 }), NOW)),
    (all) => all.length > 0,
  );
  assert.deepEqual([ack?.applied, ack?.tail], [4, '']);
});

test('Outcomes are told however many they are and whatever their reasons hold', async () => {
  const COUNT = 130;
  const count = (all: AckRequest[]): number => all.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
  const all = await acks(
    (state) =>
      state.advance(position, () => {
        for (let seq = 1; seq <= COUNT; seq += 1)
          state.tell({ seq, outcome: 'failed', reason: ';\u0001ü"\n'.repeat(seq % 2 === 0 ? 16 : 60) });
      }),
    (list) => count(list) >= COUNT,
  );
  const seqs = all.flatMap(({ outcomes }) => outcomes.map(({ seq }) => seq));
  assert.deepEqual(
    seqs,
    Array.from({ length: COUNT }, (_, index) => index + 1),
  );
});

test('What was dropped and how long bans took goes with one acknowledgement of many, and outcomes beside it still fit', async () => {
  const top = Array.from({ length: 50 }, (_, n) => ({
    ip: ip(`2001:db8:1111:2222:3333:4444:5555:${(0x6600 + n).toString(16)}`),
    packets: 10 ** 12,
    isFound: true,
    least: 10 ** 9,
    most: 10 ** 9,
  }));
  const sums = { v4: 10 ** 12, v6: 10 ** 12, found: 10 ** 12, addresses: 10 ** 12, before: 10 ** 12 };
  const dropped = { since: NOW, ago: 0, every: 60, partly: true, ...sums, top };
  const all = await acks(
    (state) => {
      state.advance(position, () => undefined);
      for (let seq = 1; seq <= 60; seq += 1)
        state.tell({ seq, outcome: 'failed', reason: '\u{1f600}'.repeat(50) });
    },
    (told) => told.flatMap(({ outcomes }) => outcomes).length >= 60,
    false,
    [],
    { readings: 1, dropped: () => dropped },
    Array.from({ length: 60 }, (_, n) => ({ seq: 10 ** 12 - n, ms: 3_600_000 })),
  );
  const [first, ...others] = all;
  assert.deepEqual(first?.dropped, dropped);
  assert.equal(first?.took?.length, 60);
  assert.ok(others.every(({ took }) => took?.length === 0));
  assert.ok(others.length > 0 && others.every((ack) => ack.dropped === undefined));
  const told = new Set(all.flatMap(({ outcomes }) => outcomes.map(({ seq }) => seq)));
  assert.equal(told.size, 60);
});

test('An acknowledgement carries the receipt of what is in place, and how many reports wait', async () => {
  const [ack] = await acks(
    (state) =>
      state.advance(position, () => {
        state.put(rowOf({ seq: 8, status: 'applied' }), NOW);
        state.put(rowOf({ seq: 9, ip: ip('203.0.113.10'), status: 'failed', reason: 'x'.repeat(900) }), NOW);
      }),
    (all) => all.length > 0,
  );
  assert.partialDeepStrictEqual(ack?.receipt, { wanted: 2, placed: 1, failed: 1, enforcer: 'log' });
  assert.equal(ack?.receipt?.why, 'x'.repeat(60));
  assert.equal(ack?.spool, 3);
});

test('An acknowledgement goes no further than what it tells: an event of which the outcome is still to come is not applied', async () => {
  const all = await acks(
    (state) =>
      state.advance({ ...position, seq: 120 }, () => {
        for (let seq = 1; seq <= 120; seq += 1) state.tell({ seq, outcome: 'failed', reason: 'no' });
      }),
    (told) => told.length > 2,
  );
  assert.deepEqual(
    all.map(({ applied, outcomes }) => [applied, outcomes.at(-1)?.seq]),
    [
      [50, 50],
      [100, 100],
      [120, 120],
    ],
  );
});
