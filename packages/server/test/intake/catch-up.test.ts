import { test } from 'node:test';
import assert from 'node:assert/strict';
import { LARGEST_SEQ, parseSyncAnswer, type SyncAnswer } from '@banshare/protocol';
import { startFleet, type Fleet, type Peer } from '../../../../test/fleet/index.ts';
import { publish, reportOf, withdraw } from '../reports.ts';

type Sync = Omit<Extract<Parameters<Peer['ask']>[0], { kind: 'sync' }>, 'kind' | 'limit'> & {
  limit?: number;
};

async function sync(peer: Peer, fields: Sync = {}): Promise<SyncAnswer> {
  const answer = await peer.ask({ kind: 'sync', limit: 1000, ...fields });
  assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
  const read = parseSyncAnswer(answer.reply.fields);
  assert.ok(read.ok, JSON.stringify(read));
  return read.value;
}

/** Kind, head and the seqs that an answer carries. */
function shape(answer: SyncAnswer): { kind: string; head: number; seqs: number[]; next?: string } {
  const list = answer.kind === 'events' ? answer.events : answer.bans;
  const next = answer.kind === 'snapshot' && answer.next !== undefined ? { next: answer.next } : {};
  return { kind: answer.kind, head: answer.head.seq, seqs: list.map(({ seq }) => seq), ...next };
}

/** A server with ten bans, 203.0.113.1 to .10. */
async function tenBans(): Promise<{ fleet: Fleet; peer: Peer }> {
  const fleet = await startFleet();
  const peer = await fleet.peer('h1');
  for (let last = 1; last <= 10; last += 1) await publish(peer, `203.0.113.${last}`);
  return { fleet, peer };
}

test('sync answers the events after a position that is its own, in parts as small as asked', async () => {
  const { fleet, peer } = await tenBans();
  await using _ = fleet;
  const { head, ...snapshot } = await sync(peer);
  assert.ok('bans' in snapshot);
  const fourth = snapshot.bans[3]!;
  const after = { epoch: head.epoch, since: 4, tail: fourth.tail };
  assert.deepEqual(shape(await sync(peer, after)), { kind: 'events', head: 10, seqs: [5, 6, 7, 8, 9, 10] });
  assert.deepEqual(shape(await sync(peer, { ...after, limit: 2 })), {
    kind: 'events',
    head: 10,
    seqs: [5, 6],
  });
  const atHead = { epoch: head.epoch, since: 10, tail: head.tail };
  assert.deepEqual(shape(await sync(peer, atHead)), { kind: 'events', head: 10, seqs: [] });
});

test('sync answers a snapshot where the position is unknown', async () => {
  const { fleet, peer } = await tenBans();
  await using _ = fleet;
  const { epoch, tail } = (await sync(peer)).head;
  const positions: [says: string, position: Sync][] = [
    ['none', {}],
    ['another epoch', { epoch: 'another', since: 10, tail }],
    ['an epoch alone', { epoch }],
    ['another tail', { epoch, since: 10, tail: 'f'.repeat(16) }],
    ['no tail', { epoch, since: 10 }],
  ];
  for (const [says, position] of positions) {
    assert.deepEqual(
      shape(await sync(peer, position)),
      { kind: 'snapshot', head: 10, seqs: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
      says,
    );
  }
});

test('the pages of a snapshot are as of one head, whatever happens meanwhile', async () => {
  const { fleet, peer } = await tenBans();
  await using _ = fleet;
  const first = await sync(peer, { limit: 4 });
  assert.deepEqual(shape(first), { kind: 'snapshot', head: 10, seqs: [1, 2, 3, 4], next: '4' });
  await publish(peer, '203.0.113.11');
  await withdraw(peer, '203.0.113.6');
  // Longer by more than a window: published again, as event 13.
  await publish(peer, '203.0.113.7', 'sshd', 2 * 86_400);
  const { epoch } = first.head;
  const rest = { epoch, snapshot: 10, limit: 4 };
  const second = await sync(peer, { ...rest, next: '4' });
  assert.deepEqual(shape(second), { kind: 'snapshot', head: 10, seqs: [5, 8, 9, 10], next: '10' });
  assert.deepEqual(shape(await sync(peer, { ...rest, next: '10' })), {
    kind: 'snapshot',
    head: 10,
    seqs: [],
  });
  assert.equal(second.head.tail, first.head.tail);
  const events = await sync(peer, { epoch, since: 10, tail: first.head.tail });
  assert.deepEqual(shape(events), { kind: 'events', head: 13, seqs: [11, 12, 13] });
});

test('a snapshot whose server has begun a new epoch starts again from its first page', async () => {
  const { fleet, peer } = await tenBans();
  await using _ = fleet;
  const page = await sync(peer, { epoch: 'another', snapshot: 10, next: '4', limit: 4 });
  assert.deepEqual(shape(page), { kind: 'snapshot', head: 10, seqs: [1, 2, 3, 4], next: '4' });
  const odd = await sync(peer, { epoch: page.head.epoch, snapshot: 99, next: '4', limit: 4 });
  assert.deepEqual(shape(odd), { kind: 'snapshot', head: 10, seqs: [1, 2, 3, 4], next: '4' });
  const nonsense = await sync(peer, { epoch: page.head.epoch, snapshot: 10, next: '-1; DROP', limit: 4 });
  assert.deepEqual(shape(nonsense), { kind: 'snapshot', head: 10, seqs: [1, 2, 3, 4], next: '4' });
});

test('a snapshot leaves out what is lifted or over', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  await publish(peer, '203.0.113.1', 'sshd', 0);
  const ends = Math.ceil(Date.now() / 1000) + 1;
  await publish(peer, '203.0.113.2');
  await withdraw(peer, '203.0.113.2');
  await publish(peer, '203.0.113.3');
  // A ban of no seconds is one of a second.
  const subscription = peer.subscribe();
  for (let now = 0; now < ends;) {
    const message = await subscription.receive();
    now = (JSON.parse(message?.body ?? '') as { now?: number }).now ?? 0;
  }
  subscription.close();
  assert.deepEqual(shape(await sync(peer)), { kind: 'snapshot', head: 4, seqs: [4] });
});

test('a restart keeps what a client knows: it gets the events after it', async () => {
  const { fleet, peer } = await tenBans();
  await using _ = fleet;
  const { head } = await sync(peer);
  await fleet.server.kill9();
  await fleet.server.start();
  const again = await fleet.peer('h2');
  assert.ok((await again.ask(reportOf(again, '203.0.113.1'))).ok);
  await publish(again, '203.0.113.11');
  const { epoch, seq: since, tail } = head;
  assert.deepEqual(shape(await sync(again, { epoch, since, tail })), {
    kind: 'events',
    head: 11,
    seqs: [11],
  });
});

test('sync beyond the head of the same epoch is answered RETRY behind, with the head: this ledger is the older copy', async () => {
  const { fleet, peer } = await tenBans();
  await using _ = fleet;
  const { epoch, tail } = (await sync(peer)).head;
  for (const since of [11, LARGEST_SEQ]) {
    const answer = await peer.ask({ kind: 'sync', epoch, since, tail, limit: 10 });
    assert.ok(answer.ok);
    const { status, verdict, code, seq } = answer.reply;
    assert.deepEqual([status, verdict, code, seq], ['RETRY', 'retry', 'behind', 10]);
  }
  const because = async (position: Sync): Promise<unknown> => {
    const answer = await sync(peer, position);
    return answer.kind === 'snapshot' ? answer.because : answer.kind;
  };
  assert.equal(await because({ epoch, since: 10, tail: 'f'.repeat(16) }), 'tail');
  assert.equal(await because({ epoch: 'another', since: 10, tail }), undefined);
  assert.equal(await because({}), undefined);
});
