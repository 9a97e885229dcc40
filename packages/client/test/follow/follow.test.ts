import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Event } from '@banshare/protocol';
import { Follow, inStep } from './following.ts';
import { chain, HandMadeServer, positionOf, start } from '../hand-made-server.ts';

test('A host that knows nothing asks for everything, once it has heard a heartbeat', async () => {
  await using server = await HandMadeServer.start();
  server.record(3);
  server.beat();
  await using follow = new Follow(server);
  await follow.next('in-step 3');
  assert.deepEqual(follow.news, ['snapshot 1,2,3 @3', 'in-step 3']);
  assert.deepEqual(server.syncs, ['everything', 'after e1/3']);
  assert.ok(follow.heard.every((now) => now === server.now));
});

test('A host that was away asks for what came after its position', async () => {
  await using server = await HandMadeServer.start();
  server.record(5);
  server.beat();
  await using follow = new Follow(server, positionOf(server.history.slice(0, 2)));
  await follow.next('in-step 5');
  assert.deepEqual(follow.news, ['3,4,5', 'in-step 5']);
  assert.deepEqual(server.syncs, ['after e1/2']);
});

test('A host that has everything asks nothing', async () => {
  await using both = await inStep(3);
  assert.deepEqual(both.follow.news, ['in-step 3']);
  assert.deepEqual(both.server.syncs, []);
});

test('Events in order are delivered one by one and in batches, and nothing is asked', async () => {
  await using both = await inStep(0);
  const events = both.server.record(5);
  await both.server.publish(...events.slice(0, 1));
  await both.server.publish(...events.slice(1, 4));
  await both.server.publish(...events.slice(4));
  await both.follow.until(() => both.follow.taken.includes('5'));
  assert.deepEqual(both.follow.taken, ['in-step 0', '1', '2', '3', '4', '5']);
  assert.deepEqual(both.server.syncs, []);
});

test('A duplicate is delivered once, also inside a batch that overlaps', async () => {
  await using both = await inStep(0);
  const [one, two, three] = both.server.record(3) as [Event, Event, Event];
  for (const events of [[one], [one], [one, two], [two, one], [two, three]])
    await both.server.publish(...events);
  await both.follow.until(() => both.follow.taken.includes('3'));
  assert.deepEqual(both.follow.taken, ['in-step 0', '1', '2', '3']);
  assert.deepEqual(both.server.syncs, []);
});

test('A gap is filled by sync, and what comes again by the socket is left out', async () => {
  await using both = await inStep(2);
  const events = both.server.record(4);
  await both.server.publish(...events.slice(2, 3));
  await both.server.publish(...events.slice(3));
  await both.follow.next('in-step 6');
  await both.server.publish(...both.server.record(1));
  await both.follow.next('7');
  assert.deepEqual(both.follow.news, ['in-step 2', '3,4,5,6', 'in-step 6', '7']);
  assert.deepEqual(both.server.syncs, ['after e1/2']);
});

test('A batch with a hole in it is not taken in part', async () => {
  await using both = await inStep(2);
  const [a, , c] = both.server.record(3) as [Event, Event, Event];
  await both.server.publish(a, c);
  await both.follow.next('in-step 5');
  assert.deepEqual(both.follow.news, ['in-step 2', '3,4,5', 'in-step 5']);
});

test('A heartbeat ahead of the position leads to sync: the last event was lost', async () => {
  await using both = await inStep(2);
  both.server.record(1);
  await both.server.heartbeat();
  await both.follow.next('in-step 3');
  assert.deepEqual(both.follow.news, ['in-step 2', '3', 'in-step 3']);
});

test('A heartbeat that lags behind costs a question and changes nothing', async () => {
  await using both = await inStep(3);
  await both.server.heartbeat(positionOf(both.server.history.slice(0, 2)));
  await both.follow.next('in-step 3');
  assert.deepEqual(both.follow.news, ['in-step 3', 'in-step 3']);
  assert.deepEqual(both.server.syncs, ['after e1/3']);
});

test('A head that went back in the same epoch is no history, and nothing is taken from it', async () => {
  await using both = await inStep(5);
  both.server.history = both.server.history.slice(0, 3);
  await both.server.heartbeat();
  await both.follow.next('lagging 5 over 3');
  assert.deepEqual(both.follow.news, ['in-step 5', 'lagging 5 over 3']);
});

test('Another tail at the same seq is another history, and leads to a snapshot', async () => {
  await using both = await inStep(3);
  both.server.history = chain(start(), 3, { until: null });
  await both.server.heartbeat();
  await both.follow.next('in-step 3');
  assert.deepEqual(both.follow.news, ['in-step 3', 'snapshot 1,2,3 @3', 'in-step 3']);
});

test('An event whose tail does not follow from ours leads to a snapshot of the other history', async () => {
  await using both = await inStep(3);
  both.server.history = chain(start(), 4, { until: null });
  await both.server.publish(...both.server.history.slice(3));
  await both.follow.next('in-step 4');
  assert.deepEqual(both.follow.news, ['in-step 3', 'snapshot 1,2,3,4 @4', 'in-step 4']);
});

test('A forged tail is not believed: the event is asked for', async () => {
  await using both = await inStep(3);
  const [event] = both.server.record(1) as [Event];
  await both.server.publish({ ...event, tail: 'ffffffffffffffff' });
  await both.follow.next('in-step 4');
  assert.deepEqual(both.follow.news, ['in-step 3', '4', 'in-step 4']);
});

test('A new epoch, by heartbeat or event, leads to a snapshot', async () => {
  await using both = await inStep(3);
  both.server.history = chain(start('e2'), 2);
  await both.server.heartbeat();
  await both.follow.next('in-step 2');
  both.server.history = chain(start('e3'), 1);
  await both.server.publish(...both.server.history);
  await both.follow.next('in-step 1');
  assert.deepEqual(both.follow.news.slice(1), ['snapshot 1,2 @2', 'in-step 2', 'snapshot 1 @1', 'in-step 1']);
});

test('An event of an unknown kind keeps its number, and the next one continues it', async () => {
  await using both = await inStep(1);
  const [odd, next] = both.server.record(2) as [Event, Event];
  const { epoch, seq, tail } = odd;
  await both.server.publishRaw(
    'drift',
    JSON.stringify({ v: 1, kind: 'drift', epoch, seq, tail, x: { y: [1] } }),
  );
  await both.server.publish(next);
  await both.follow.until(() => both.follow.taken.includes('3'));
  assert.deepEqual(both.follow.taken, ['in-step 1', '2?', '3']);
  assert.deepEqual(both.server.syncs, []);
});

test('Something unreadable is a fault, and what follows is taken', async () => {
  await using both = await inStep(0);
  for (const [subject, body] of [
    ['heartbeat', '{"v":1}'],
    ['batch', 'x'],
    ['x;y', ''],
    ['', '{}'],
  ] as const)
    await both.server.publishRaw(subject, body);
  await both.server.publish(...both.server.record(1));
  await both.follow.next('1');
  assert.equal(both.follow.faults.length, 4);
  await both.server.heartbeat();
  await both.follow.next('in-step 1');
});

test('A server that says nothing for the time given ends it as silent', async () => {
  await using server = await HandMadeServer.start();
  await using follow = new Follow(server, undefined, 100);
  assert.equal(await follow.ended, 'silent');
});

test('A key that the server does not admit ends it as refused', async () => {
  await using server = await HandMadeServer.start();
  server.admission = 'refuse';
  await using follow = new Follow(server);
  assert.equal(await follow.ended, 'refused');
});

test('Closing ends it as closed, also while an answer is awaited', async () => {
  await using both = await inStep(1);
  both.server.syncAnswer = () => undefined;
  both.server.record(1);
  await both.server.heartbeat();
  both.follow.close();
  assert.equal(await both.follow.ended, 'closed');
});

test('What was delivered is not kept: megabytes later the memory is as before', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  await using both = await inStep(0);
  collect();
  const before = process.memoryUsage().heapUsed;
  const COUNT = 60;
  for (let made = 0; made < COUNT; made += 1)
    await both.server.publishRaw('x', `${made}${'x'.repeat(1_000_000)}`);
  await both.follow.until(() => both.follow.faults.length === COUNT);
  collect();
  const kept = process.memoryUsage().heapUsed - before;
  assert.ok(kept < 20_000_000, `${kept} bytes are kept`);
});
