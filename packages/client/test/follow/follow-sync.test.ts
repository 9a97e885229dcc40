import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Follow, inStep } from './following.ts';
import { chain, HandMadeServer, positionOf, start } from '../hand-made-server.ts';
import { jail } from '../make.ts';

test('A snapshot comes in pages, and is delivered whole with what came after it', async () => {
  await using server = await HandMadeServer.start();
  const bans = server.record(5);
  const head = server.head;
  server.syncAnswer = ({ since, next }, honest) => {
    if (since !== undefined) return honest();
    const from = Number(next ?? 0);
    // Published between the pages.
    if (from === 2) server.record(1);
    const more = from + 2 < bans.length ? { next: String(from + 2) } : {};
    return { kind: 'snapshot', head, bans: bans.slice(from, from + 2), ...more };
  };
  server.beat();
  await using follow = new Follow(server);
  await follow.next('in-step 6');
  assert.deepEqual(follow.news, ['snapshot 1,2,3,4,5 @5', '6', 'in-step 6']);
  assert.deepEqual(server.syncs, ['everything', 'page 2 of e1/5', 'page 4 of e1/5', 'after e1/5']);
});

test('Pages of different heads are not mixed: the snapshot is asked for again', async () => {
  await using server = await HandMadeServer.start();
  server.record(2);
  let isMoved = false;
  server.syncAnswer = ({ since, next }, honest) => {
    if (since !== undefined || isMoved) return honest();
    const { head } = server;
    if (next === undefined) return { kind: 'snapshot', head, bans: server.history.slice(0, 1), next: '1' };
    isMoved = true;
    server.history = chain(start('e2'), 3);
    return honest();
  };
  server.beat();
  await using follow = new Follow(server);
  await follow.next('in-step 3');
  assert.deepEqual(follow.news, ['snapshot 1,2,3 @3', 'in-step 3']);
});

test('A page that never comes leaves the position where it was, and the next heartbeat asks again', async () => {
  await using server = await HandMadeServer.start();
  const [first] = server.record(2);
  let lost = 1;
  server.syncAnswer = ({ since, next }, honest) => {
    if (since !== undefined) return honest();
    if (next !== undefined && lost-- > 0) return 'retry';
    const more =
      next === undefined
        ? { bans: first === undefined ? [] : [first], next: '1' }
        : { bans: server.history.slice(1) };
    return { kind: 'snapshot', head: server.head, ...more };
  };
  server.beat();
  await using follow = new Follow(server);
  await follow.next('in-step 2');
  assert.deepEqual(follow.news, ['snapshot 1,2 @2', 'in-step 2']);
  assert.deepEqual(follow.faults, ['Cannot catch up: busy']);
});

test('Many events come in several answers, each taken before the next is asked', async () => {
  await using server = await HandMadeServer.start();
  server.record(5);
  server.syncAnswer = (_request, honest) => {
    const answer = honest();
    return answer.kind === 'events' ? { ...answer, events: answer.events.slice(0, 2) } : answer;
  };
  server.beat();
  await using follow = new Follow(server, start());
  await follow.next('in-step 5');
  assert.deepEqual(follow.news, ['1,2', '3,4', '5', 'in-step 5']);
});

test('Where sync fails the follower says so, stays where it was and tries again', async () => {
  await using both = await inStep(2);
  both.server.syncAnswer = () => 'retry';
  both.server.record(2);
  both.server.beat();
  await both.follow.until(() => both.follow.faults.length > 2);
  assert.deepEqual(both.follow.news, ['in-step 2']);
  both.server.syncAnswer = (_request, honest) => honest();
  await both.follow.next('in-step 4');
  assert.deepEqual(both.follow.news, ['in-step 2', '3,4', 'in-step 4']);
  assert.ok(both.server.syncs.every((text) => text === 'after e1/2'));
});

test('Events that do not continue what was asked for are not taken', async () => {
  await using both = await inStep(2);
  const events = both.server.record(3);
  both.server.syncAnswer = ({ since }, honest) =>
    since === 2 ? { kind: 'events', head: both.server.head, events: events.slice(1) } : honest();
  await both.server.heartbeat();
  await both.follow.until(() => both.follow.faults.length > 0);
  await both.server.heartbeat();
  await both.follow.next('in-step 5');
  assert.deepEqual(both.follow.news, ['in-step 2', 'snapshot 1,2,3,4,5 @5', 'in-step 5']);
});

test('An answer without events whose head is ahead is a fault, and asked again only at the next heartbeat', async () => {
  await using both = await inStep(2);
  both.server.record(1);
  both.server.syncAnswer = () => ({ kind: 'events', head: both.server.head, events: [] });
  await both.server.heartbeat();
  await both.follow.until(() => both.follow.faults.length > 0);
  assert.deepEqual(both.server.syncs, ['after e1/2']);
});

test('A server that answers nothing but snapshots is a fault, and asked again only at the next heartbeat', async () => {
  await using both = await inStep(2);
  both.server.record(1);
  both.server.syncAnswer = () => ({ kind: 'snapshot', head: both.server.head, bans: both.server.history });
  await both.server.heartbeat();
  await both.follow.until(() => both.follow.faults.length > 0);
  assert.deepEqual(both.server.syncs, ['after e1/2', 'after e1/3']);
  await both.server.heartbeat();
  await both.follow.next('in-step 3');
});

test('A server of the same epoch with less is no history: nothing is taken from it until its head has passed ours', async () => {
  await using both = await inStep(4);
  const { server, follow } = both;
  const ours = server.history;
  server.history = ours.slice(0, 2);
  await server.heartbeat();
  await follow.next('lagging 4 over 2');
  // Its own new events are another history, at numbers that we have.
  const [third] = server.record(1, { jail: jail('nginx') });
  await server.publish(...(third === undefined ? [] : [third]));
  await server.heartbeat();
  await server.heartbeat();
  server.record(2);
  await server.heartbeat();
  await follow.next('in-step 5');
  assert.deepEqual(follow.news.slice(1), ['lagging 4 over 2', 'snapshot 1,2,3,4,5 @5', 'in-step 5']);
  // Asked once, then its heartbeats told.
  assert.deepEqual(server.syncs, ['after e1/4', 'after e1/4', 'after e1/5']);
});

test('A server that lags and catches up is in step again without a word', async () => {
  await using both = await inStep(4);
  const { server, follow } = both;
  const ours = server.history;
  server.history = ours.slice(0, 2);
  await server.heartbeat();
  await follow.next('lagging 4 over 2');
  server.history = ours;
  await server.heartbeat();
  await follow.next('in-step 4');
  server.record(1);
  await server.publish(...server.history.slice(-1));
  await server.heartbeat();
  await follow.until(() => follow.news.includes('5'));
  assert.ok(follow.news.every((text) => !text.startsWith('snapshot')));
});

test('RETRY behind, as a server of today says it, is the same as the snapshot of an older one', async () => {
  await using both = await inStep(4);
  const { server, follow } = both;
  server.history = server.history.slice(0, 2);
  server.syncAnswer = () => 'behind';
  await server.heartbeat();
  await follow.next('lagging 4 over 2');
  assert.deepEqual(follow.faults, []);
});

test('A head just behind ours, of a heartbeat that sync overtook, is no lagging server', async () => {
  await using both = await inStep(4);
  const { server, follow } = both;
  await server.heartbeat({ ...positionOf(server.history.slice(0, 3)) });
  await follow.next('in-step 4');
  assert.deepEqual(follow.news, ['in-step 4', 'in-step 4']);
});
