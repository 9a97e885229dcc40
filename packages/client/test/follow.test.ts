import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Event, Position } from '@banshare/protocol';
import { makeIdentity, Subscription } from '@banshare/transport';
import { Follower, type FollowEnd, type News } from '../src/follow.ts';
import { ServerLink } from '../src/server-link.ts';
import { chain, HandMadeServer, placeOf, start } from './hand-made-server.ts';

const identity = await makeIdentity();
const WITHIN_MS = 20_000;

/** A follower and what it delivered, in short; a test waits for a delivery. */
class Follow implements AsyncDisposable {
  readonly news: string[] = [];
  readonly faults: string[] = [];
  readonly heard: number[] = [];
  readonly ended: Promise<FollowEnd>;
  readonly #subscription: Subscription;
  readonly #link: ServerLink;
  readonly #waiting = new Set<() => void>();

  constructor(server: HandMadeServer, position?: Position, silentAfterMs = WITHIN_MS) {
    const { address } = server;
    const peer = { endpoint: address.publishEndpoint, serverKey: address.serverKey, curve: identity.curve };
    this.#subscription = new Subscription(peer, 50);
    this.#link = new ServerLink(address, identity);
    const note = (list: unknown[], item: unknown): void => {
      list.push(item);
      for (const wake of this.#waiting) wake();
    };
    const follower = new Follower({
      subscription: this.#subscription,
      link: this.#link,
      position,
      take: (news) => note(this.news, newsText(news)),
      heard: (now) => note(this.heard, now),
      fault: (text) => note(this.faults, text),
      silentAfterMs,
    });
    this.ended = follower.follow();
  }

  /** Waits until this holds, looking again at each delivery. */
  async until(holds: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(WITHIN_MS);
    while (!holds()) {
      const woken = Promise.withResolvers<void>();
      this.#waiting.add(woken.resolve);
      const fail = (): void =>
        woken.reject(new Error(`in vain; news: ${this.news.join(' | ')}; ${this.faults.join(' | ')}`));
      late.addEventListener('abort', fail);
      await woken.promise;
      late.removeEventListener('abort', fail);
      this.#waiting.delete(woken.resolve);
    }
  }

  /** Waits for a piece of news that was not there before. */
  async next(news: string): Promise<void> {
    const from = this.#read;
    await this.until(() => this.news.indexOf(news, from) >= 0);
    this.#read = this.news.indexOf(news, from) + 1;
  }

  #read = 0;

  close(): void {
    this.#subscription.close();
    this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.ended;
  }
}

function newsText(news: News): string {
  if (news.kind === 'in-step') return `in-step ${news.position.seq}`;
  if (news.kind === 'events')
    return news.events.map(({ seq, kind }) => (kind === 'unknown' ? `${seq}?` : seq)).join();
  return `snapshot ${news.bans.map(({ seq }) => seq).join()} @${news.position.seq}`;
}

/** A server with some history and a follower that is in step with it, and hears nothing but what the test publishes. */
async function inStep(count: number): Promise<{ server: HandMadeServer; follow: Follow } & AsyncDisposable> {
  const server = await HandMadeServer.start();
  server.record(count);
  server.beat();
  const follow = new Follow(server, server.head);
  await follow.next(`in-step ${count}`);
  server.hush();
  return {
    server,
    follow,
    [Symbol.asyncDispose]: async () => {
      await follow[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

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
  await using follow = new Follow(server, placeOf(server.history.slice(0, 2)));
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
  await both.follow.next('5');
  assert.deepEqual(both.follow.news, ['in-step 0', '1', '2,3,4', '5']);
  assert.deepEqual(both.server.syncs, []);
});

test('A duplicate is delivered once, also inside a batch that overlaps', async () => {
  await using both = await inStep(0);
  const [one, two, three] = both.server.record(3) as [Event, Event, Event];
  for (const events of [[one], [one], [one, two], [two, one], [two, three]])
    await both.server.publish(...events);
  await both.follow.next('3');
  assert.deepEqual(both.follow.news, ['in-step 0', '1', '2', '3']);
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
  await both.server.heartbeat(placeOf(both.server.history.slice(0, 2)));
  await both.follow.next('in-step 3');
  assert.deepEqual(both.follow.news, ['in-step 3', 'in-step 3']);
  assert.deepEqual(both.server.syncs, ['after e1/3']);
});

test('A head that went back, as of a restored ledger, leads to a snapshot', async () => {
  await using both = await inStep(5);
  both.server.history = both.server.history.slice(0, 3);
  await both.server.heartbeat();
  await both.follow.next('in-step 3');
  assert.deepEqual(both.follow.news, ['in-step 5', 'snapshot 1,2,3 @3', 'in-step 3']);
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

test('An event of an unknown kind keeps its place, and the next one continues it', async () => {
  await using both = await inStep(1);
  const [odd, next] = both.server.record(2) as [Event, Event];
  const { epoch, seq, tail } = odd;
  await both.server.publishRaw(
    'drift',
    JSON.stringify({ v: 1, kind: 'drift', epoch, seq, tail, x: { y: [1] } }),
  );
  await both.server.publish(next);
  await both.follow.next('3');
  assert.deepEqual(both.follow.news, ['in-step 1', '2?', '3']);
  assert.deepEqual(both.server.syncs, []);
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
