import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JailName } from '@banshare/protocol';
import { makeIdentity, Subscription } from '@banshare/transport';
import { Follower } from '../../src/follow/follow.ts';
import { ServerLink } from '../../src/server/server-link.ts';
import { HandMadeServer } from '../hand-made-server.ts';
import { Follow, inStep, WITHIN_MS } from './following.ts';

const COUNT = 30;

test('Large messages are taken in parts: what has arrived is not in memory all at once', async () => {
  await using server = await HandMadeServer.start();
  const { publishEndpoint: endpoint, serverKey } = server.address;
  const { curve } = await makeIdentity();
  const subscriptions = [0, 1].map(() => new Subscription({ endpoint, serverKey, curve }, 50));
  const [followed, witness] = subscriptions as [Subscription, Subscription];
  const link = new ServerLink(server.address, await makeIdentity());
  try {
    server.beat();
    await Promise.all([followed.receive(), witness.receive()]);
    server.hush();
    for (let made = 0; made < COUNT; made += 1)
      await server.publishRaw(made === COUNT - 1 ? 'last' : 'more', 'x'.repeat(900_000));
    // Both are served by one thread: where one has read all, it has arrived at the other.
    while ((await witness.receive())?.subject !== 'last');
    let received = 0;
    const receivedAtFault: number[] = [];
    const isOver = Promise.withResolvers<void>();
    const follower = new Follower({
      subscription: {
        refused: followed.refused,
        receive: async () => {
          const message = await followed.receive();
          if (message?.subject !== 'heartbeat') received += 1;
          return message;
        },
      },
      link,
      position: undefined,
      take: () => undefined,
      heard: () => undefined,
      fault: () => {
        receivedAtFault.push(received);
        if (receivedAtFault.length === COUNT) isOver.resolve();
      },
      silentAfterMs: WITHIN_MS,
    });
    const ended = follower.follow();
    await isOver.promise;
    // Five make 4 MiB.
    assert.ok((receivedAtFault[0] ?? 0) <= 5, `${receivedAtFault[0]} were taken before one was read`);
    for (const subscription of subscriptions) subscription.close();
    assert.equal(await ended, 'closed');
  } finally {
    for (const subscription of subscriptions) subscription.close();
    link.close();
  }
});

test('A frame larger than any server sends ends following as silent, for it to begin anew', async () => {
  await using server = await HandMadeServer.start();
  server.beat();
  await using follow = new Follow(server, server.head, 3000);
  await follow.next('in-step 0');
  await server.publishRaw('batch', 'x'.repeat(1024 * 1024 + 1));
  assert.equal(await follow.ended, 'silent');
  assert.deepEqual(follow.faults, []);
});

test('The largest batch that a server makes is taken', async () => {
  await using both = await inStep(0);
  // Servers cut reasons to 200 characters, and "<" takes six in JSON.
  const longest = { reason: '<'.repeat(200), port: `${'1,'.repeat(126)}1`, protocol: 'x'.repeat(32) };
  const events = both.server.record(200, { ...longest, jail: 'j'.repeat(64) as JailName });
  await both.server.publish(...events);
  await both.follow.next(events.map(({ seq }) => seq).join());
  assert.deepEqual(both.follow.faults, []);
});
