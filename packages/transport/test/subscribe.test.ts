import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { curveKeyPair } from 'zeromq';
import { takePort } from '../../../test/fleet/ports.ts';
import { portOf, PublishPort, Subscription } from '../src/index.ts';
import { closing } from './closing.ts';
import { Doorman, onLoopback } from './doors.ts';

const server = curveKeyPair();
const host = curveKeyPair();
const doorman = new Doorman();

before(() => doorman.stand());
after(() => doorman.leave());

function subscribe(endpoint: string): Subscription {
  return closing(new Subscription({ endpoint, serverKey: server.publicKey, curve: host }, 50));
}

/** A server in the place of one that was closed, as soon as the system lets go of its port. */
async function listenAgain(endpoint: string): Promise<PublishPort> {
  const next = closing(new PublishPort());
  for (;;) {
    try {
      await next.listen(onLoopback('publish', server, portOf(endpoint)));
      return next;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Beats, as a server does, until the promise is settled. */
async function beatUntil<T>(port: PublishPort, settled: Promise<T>): Promise<T> {
  let isOver = false;
  void settled.then(() => (isOver = true));
  while (!isOver) {
    await port.publish('heartbeat', '{"head":1}');
    await new Promise((resolve) => setImmediate(resolve));
  }
  return settled;
}

test('a Subscription receives whatever is published, in order', async () => {
  const port = closing(new PublishPort());
  const subscription = subscribe(await port.listen(onLoopback('publish', server)));
  assert.deepEqual(await beatUntil(port, subscription.receive()), {
    subject: 'heartbeat',
    body: '{"head":1}',
  });
  for (const subject of ['fail2ban;sshd;203.0.113.9;h1', 'unban fail2ban sshd 203.0.113.9', 'batch', '']) {
    await port.publish(subject, 'é');
    let message = await subscription.receive();
    while (message?.subject === 'heartbeat') message = await subscription.receive();
    assert.deepEqual(message, { subject, body: 'é' });
  }
  subscription.close();
  port.close();
});

test('a Subscription tells that its key was refused', async () => {
  doorman.rule = () => 'refuse';
  const port = closing(new PublishPort());
  const subscription = subscribe(await port.listen(onLoopback('publish', server)));
  await subscription.refused;
  doorman.rule = () => 'admit';
  subscription.close();
  port.close();
});

test('a Subscription comes back by itself after the server’s restart with the same key', async () => {
  const first = closing(new PublishPort());
  const endpoint = await first.listen(onLoopback('publish', server, takePort()));
  const subscription = subscribe(endpoint);
  await beatUntil(first, subscription.receive());
  first.close();
  const second = await listenAgain(endpoint);
  const isBack = (async (): Promise<void> => {
    while ((await subscription.receive())?.subject !== 'back');
  })();
  let isOver = false;
  void isBack.then(() => (isOver = true));
  while (!isOver) {
    await second.publish('back', '{}');
    await new Promise((resolve) => setImmediate(resolve));
  }
  subscription.close();
  second.close();
});

test('What nobody reads waits at the server: a subscription holds few messages of it', async () => {
  const port = closing(new PublishPort());
  const endpoint = await port.listen(onLoopback('publish', server));
  const [unread, read] = [subscribe(endpoint), subscribe(endpoint)];
  await beatUntil(port, Promise.all([unread.receive(), read.receive()]));
  const count = 3000;
  const body = 'x'.repeat(10_000);
  for (let at = 1; at <= count; at += 1) await port.publish(at === count ? 'last' : 'more', body);
  // Both are served by one thread: what one has read whole, the other has had as far as it took it.
  while ((await read.receive())?.subject !== 'last');
  port.close();
  let held = 0;
  const over = Promise.withResolvers<'over'>();
  void (async (): Promise<void> => {
    const next = await listenAgain(endpoint);
    await beatUntil(next, over.promise);
    next.close();
  })();
  // What it reads of the next server comes behind all that it holds of this one.
  for (let isNext = false; !isNext;) {
    const message = await unread.receive();
    if (message?.body === body) held += 1;
    isNext = held > 0 && message?.subject === 'heartbeat';
  }
  over.resolve('over');
  // The system's own buffers of the connection hold some megabytes more.
  assert.ok(held >= 100 && held < count / 2, `${held} messages of ${count} were held`);
  unread.close();
  read.close();
});

test('close() ends receive() with undefined, the waiting one and every later one', async () => {
  const subscription = subscribe('tcp://127.0.0.1:9');
  const waiting = subscription.receive();
  subscription.close();
  assert.equal(await waiting, undefined);
  assert.equal(await subscription.receive(), undefined);
  subscription.close();
});
