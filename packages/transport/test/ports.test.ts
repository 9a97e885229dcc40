import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { curveKeyPair, Dealer } from 'zeromq';
import { portOf, PublishPort, ReportPort, Requester, Subscription } from '../src/index.ts';
import { closing } from './closing.ts';
import { Doorman, onLoopback, request, serve } from './doors.ts';

const server = curveKeyPair();
const host = curveKeyPair();
const doorman = new Doorman();

before(() => doorman.stand());
after(() => doorman.leave());

function dealerAt(endpoint: string): Dealer {
  const socket = new Dealer({
    linger: 0,
    curveServerKey: server.publicKey,
    curvePublicKey: host.publicKey,
    curveSecretKey: host.secretKey,
  });
  socket.connect(endpoint);
  return closing(socket);
}

test('ReportPort answers in the order of the calls, without waiting for each', async () => {
  const port = closing(new ReportPort());
  const dealer = dealerAt(await port.listen(onLoopback('report', server)));
  await dealer.send(['', 'a', 'b', 'c']);
  const [id = Buffer.alloc(0)] = (await port.receive()) ?? [];
  for (let index = 0; index < 50; index += 1) void port.answer([id, Buffer.alloc(0)], ['OK', String(index)]);
  for (let index = 0; index < 50; index += 1) {
    assert.deepEqual((await dealer.receive()).map(String), ['', 'OK', String(index)]);
  }
  dealer.close();
  port.close();
});

test('ReportPort takes it that a peer has gone, and answers the next', async () => {
  const port = closing(new ReportPort());
  const endpoint = await port.listen(onLoopback('report', server));
  const stays = dealerAt(endpoint);
  await stays.send(['', 'a', 'b', 'c']);
  const [id = Buffer.alloc(0)] = (await port.receive()) ?? [];
  await port.answer([Buffer.from('nobody'), Buffer.alloc(0)], ['OK', 'lost']);
  await port.answer([id, Buffer.alloc(0)], ['OK', 'kept']);
  assert.deepEqual((await stays.receive()).map(String), ['', 'OK', 'kept']);
  stays.close();
  port.close();
});

test('ReportPort.receive() ends with undefined when the port is closed, and answers then go nowhere', async () => {
  const port = closing(new ReportPort());
  await port.listen(onLoopback('report', server));
  const received = port.receive();
  port.close();
  assert.equal(await received, undefined);
  assert.equal(await port.receive(), undefined);
  await port.answer([Buffer.from('x')], ['OK']);
});

test('PublishPort publishes in the order of the calls, without waiting for each', async () => {
  const port = closing(new PublishPort());
  const endpoint = await port.listen(onLoopback('publish', server));
  const subscription = closing(new Subscription({ endpoint, serverKey: server.publicKey, curve: host }, 100));
  let first: string | undefined;
  const begun = subscription.receive().then((message) => (first = message?.subject));
  while (first === undefined) {
    await port.publish('heartbeat', '{}');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await begun;
  for (let index = 0; index < 200; index += 1) void port.publish(`event ${index}`, '{}');
  const subjects: string[] = [];
  while (subjects.length < 200) {
    const message = await subscription.receive();
    if (message?.subject !== 'heartbeat') subjects.push(message?.subject ?? 'closed');
  }
  assert.deepEqual(
    subjects,
    Array.from({ length: 200 }, (_, index) => `event ${index}`),
  );
  subscription.close();
  port.close();
  await port.publish('after', 'the end');
});

test('ReportPort hears and answers everybody again after each of many cuts, also while messages come in all the time', async () => {
  const port = closing(new ReportPort());
  const endpoint = await port.listen(onLoopback('report', server));
  void serve(port);
  const peer = { endpoint, serverKey: server.publicKey, curve: host };
  const ask = async (): Promise<boolean> => {
    const asker = new Requester(peer);
    const answer = await asker.request(request(server.publicKey), 10_000);
    asker.close();
    return answer.ok;
  };
  const flooder = dealerAt(endpoint);
  let isOver = false;
  const flooding = (async () => {
    while (!isOver) await flooder.send(['', 'a', 'b', 'c']);
  })();
  for (let round = 0; round < 10; round += 1) {
    await port.cut();
    assert.equal(await ask(), true);
  }
  isOver = true;
  await flooding;
});

test('ReportPort is not deaf after a quiet time, nor by a cut while it waits', async () => {
  const port = closing(new ReportPort());
  const endpoint = await port.listen(onLoopback('report', server));
  const received = port.receive();
  await port.cut();
  await dealerAt(endpoint).send(['', 'a', 'b', 'c']);
  assert.equal((await received)?.length, 5);
});

test('nothing listens any more where a port was closed, as soon as that is told', async () => {
  const port = closing(new ReportPort());
  for (let round = 0; round < 50; round += 1) {
    const at = await port.listen(onLoopback('report', server));
    await port.unlisten('report');
    assert.equal(isListening(portOf(at)), false);
  }
});

/** What the kernel says at this very moment: whoever knocks gives libzmq the time that it may need. */
function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return new RegExp(`:${hex} \\S+ 0A `).test(readFileSync('/proc/net/tcp', 'utf8'));
}
