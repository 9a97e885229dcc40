import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { encodeEvents, encodeHeartbeat, type Event } from '@banshare/protocol';
import { pause } from '../../src/decide/pause.ts';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { Follower } from '../../src/follow/follow.ts';
import { recordNews } from '../../src/decide/record-news.ts';
import { chain, positionOf, start } from '../hand-made-server.ts';
import { ip, NOW } from '../make.ts';
import { Host } from './recording-host.ts';

const EVENTS = 5000;
const addressOf = (n: number): ReturnType<typeof ip> => ip(`45.77.${n >> 8}.${n & 255}`);

/** Follows what `receive` brings, two frames each, until it brings nothing more. */
function followerOf(
  host2: Host,
  receive: () => Promise<readonly [subject: string, body: string] | undefined>,
): Promise<unknown> {
  host2.state.advance(start(), () => undefined);
  const follower = new Follower({
    subscription: {
      refused: new Promise(() => undefined),
      receive: async () => {
        const message = await receive();
        return message === undefined ? undefined : { subject: message[0], body: message[1] };
      },
    },
    link: { ask: () => Promise.reject(new Error('nothing is missing')) },
    position: start(),
    take: (news) => recordNews(news, host2.parts),
    heard: () => undefined,
    fault: (text) => assert.fail(text),
    silentAfterMs: 60_000,
  });
  return follower.follow();
}

/** A host that follows messages which all have arrived already, each with so many events. */
function burst(host2: Host, perMessage: number): Promise<unknown> {
  const numbered: Event[] = [];
  for (let n = 0; n < EVENTS; n += 1)
    numbered.push(...chain(numbered.length === 0 ? start() : positionOf(numbered), 1, { ip: addressOf(n) }));
  const messages = [encodeHeartbeat({ ...start(), now: NOW })];
  for (let from = 0; from < EVENTS; from += perMessage)
    messages.push(encodeEvents(numbered.slice(from, from + perMessage)));
  const coming = messages.values();
  return followerOf(host2, () => Promise.resolve(coming.next().value));
}

for (const perMessage of [1, EVENTS]) {
  test(`In a burst of events, ${perMessage} a message, timers and commands have their turn after each ${MOST_IN_A_GO}`, async () => {
    using host2 = new Host();
    host2.enforcer.endAll();
    const following = burst(host2, perMessage);
    let [before, most, turns] = [0, 0, 0];
    while (before < EVENTS) {
      await setImmediate();
      const { seq } = host2.state.position() ?? start();
      most = Math.max(most, seq - before);
      before = seq;
      turns += 1;
      assert.ok(turns < 100 * EVENTS);
    }
    await following;
    assert.ok(most <= MOST_IN_A_GO, `${most} events between two turns of the loop`);
    await host2.applier.idle();
    assert.deepEqual(host2.state.counts(), { applied: EVENTS });
  });
}

test('A ban after a rest is recorded without a turn of the event loop', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  const event = Promise.withResolvers<readonly [string, string]>();
  const end = Promise.withResolvers<undefined>();
  const coming = [
    Promise.resolve(encodeHeartbeat({ ...start(), now: NOW })),
    event.promise,
    end.promise,
  ].values();
  const following = followerOf(host2, () => coming.next().value ?? end.promise);
  for (let turns = 0; turns < 5; turns += 1) await setImmediate();
  const turn = setImmediate().then(() => host2.state.position()?.seq);
  event.resolve(encodeEvents(chain(start(), 1, { ip: addressOf(1) })));
  assert.equal(await turn, start().seq + 1);
  end.resolve(undefined);
  await following;
});

test('A pause in the middle of a burst keeps back what came and what is still to come', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  const following = burst(host2, 1);
  while ((host2.state.position()?.seq ?? 0) < 1000) await setImmediate();
  const paused = pause(host2.parts);
  await Promise.all([following, paused]);
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { skipped: EVENTS });
});

test('A large snapshot is written in parts, and the position with the last of them', async () => {
  using host2 = new Host();
  host2.enforcer.endAll();
  const bans = Array.from({ length: 3000 }, (_, n) => ({ ip: addressOf(n) }));
  host2.snapshot(...bans.slice(0, 10), { ip: ip('203.0.113.1') });
  await host2.applier.idle();
  const before = host2.state.position()?.seq;
  host2.snapshot(...bans);
  await setImmediate();
  assert.equal(host2.state.position()?.seq, before);
  while (host2.state.position()?.seq === before) await setImmediate();
  await host2.applier.idle();
  assert.deepEqual(host2.state.counts(), { applied: 3000 });
});
