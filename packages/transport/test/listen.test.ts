import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { once } from 'node:events';
import { curveKeyPair, Dealer, Subscriber } from 'zeromq';
import {
  eventPublisher,
  listen,
  portOf,
  PublishPort,
  ReportPort,
  Requester,
  reportRouter,
  Subscription,
} from '../src/index.ts';
import { closing } from './closing.ts';
import { Doorman, knock, onLoopback, request, serve } from './doors.ts';

const OLD = curveKeyPair();
const NEW = curveKeyPair();
const host = curveKeyPair();
const doorman = new Doorman();

before(() => doorman.stand());
after(() => doorman.leave());

test('one ROUTER serves two generations, each by its own endpoint and key', async () => {
  const port = closing(new ReportPort());
  const ends = [
    await port.listen(onLoopback('report:old', OLD)),
    await port.listen(onLoopback('report:new', NEW)),
  ];
  void serve(port);
  for (const [index, key] of [OLD.publicKey, NEW.publicKey].entries()) {
    const asker = closing(new Requester({ endpoint: ends[index]!, serverKey: key, curve: host }));
    assert.equal((await asker.request(request(key), 5000)).ok, true);
  }
  assert.deepEqual(
    doorman.knocks.map(({ domain }) => domain),
    ['report:old', 'report:new'],
  );
  assert.equal(await knock(ends[0]!, NEW.publicKey, host), 'gone');
  assert.equal(await knock(ends[1]!, OLD.publicKey, host), 'gone');
});

test('one PUB publishes to two generations, each by its own endpoint and key', async () => {
  const port = closing(new PublishPort());
  const ends = [
    await port.listen(onLoopback('publish:old', OLD)),
    await port.listen(onLoopback('publish:new', NEW)),
  ];
  const subscribers = [OLD.publicKey, NEW.publicKey].map((key, index) => {
    const socket = new Subscriber({
      linger: 0,
      curveServerKey: key,
      curvePublicKey: host.publicKey,
      curveSecretKey: host.secretKey,
    });
    socket.connect(ends[index]!);
    socket.subscribe();
    return closing(socket);
  });
  const heard = subscribers.map(async (socket) => (await socket.receive()).map(String));
  // A subscription takes a moment to arrive, and the publisher is not told: as with heartbeats, it goes on. Not faster, since
  // libzmq ends a process that closes both ends of a connection while half of a message is on its way.
  const beat = setInterval(() => void port.publish('heartbeat', '{}'), 10);
  assert.deepEqual(await Promise.all(heard), [
    ['heartbeat', '{}'],
    ['heartbeat', '{}'],
  ]);
  clearInterval(beat);
});

test('listen() refuses to open without a ZAP domain', async () => {
  for (const socket of [reportRouter(), eventPublisher()]) {
    closing(socket);
    await assert.rejects(listen(socket, onLoopback('', OLD)), /without a ZAP domain/);
    assert.equal(socket.lastEndpoint, null);
  }
});

test('listen() enforces key and domain on both kinds of socket', async () => {
  for (const socket of [reportRouter(), eventPublisher()]) {
    await listen(closing(socket), onLoopback('a', OLD));
    assert.equal(socket.curveServer, true);
    assert.equal(socket.zapDomain, 'a');
    assert.equal(socket.zapEnforceDomain, true);
  }
});

test('no listening socket beats by ZMTP, which a peer could time so that libzmq ends the process', () => {
  for (const socket of [reportRouter(), eventPublisher()]) {
    closing(socket);
    assert.equal(socket.heartbeatInterval, 0);
    // Probes wait as long as something is not acknowledged.
    assert.equal(socket.tcpMaxRetransmitTimeout, 30_000);
  }
});

test('the kernel probes a connection that has been silent for 15 s, at both ports and from both ends', async () => {
  const [reports, publications] = [closing(new ReportPort()), closing(new PublishPort())];
  void serve(reports);
  const ends = [
    await reports.listen(onLoopback('report', OLD)),
    await publications.listen(onLoopback('publish', OLD)),
  ];
  const peer = { serverKey: OLD.publicKey, curve: host };
  const asker = closing(new Requester({ ...peer, endpoint: ends[0]! }));
  assert.equal((await asker.request(request(OLD.publicKey), 5000)).ok, true);
  const subscription = closing(new Subscription({ ...peer, endpoint: ends[1]! }, 50));
  const beat = setInterval(() => void publications.publish('heartbeat', '{}'), 10);
  await subscription.receive();
  clearInterval(beat);
  const [report = 0, publish = 0] = ends.map(portOf);
  for (const [end, port] of [
    ['local', report],
    ['local', publish],
    ['remote', publish],
  ] as const) {
    let seconds = secondsToProbe(end, port);
    // Another timer runs while something is not acknowledged yet.
    while (Number.isNaN(seconds)) {
      await new Promise((resolve) => setImmediate(resolve));
      seconds = secondsToProbe(end, port);
    }
    assert.ok(seconds > 10 && seconds <= 15, `${seconds} s to the next probe`);
  }
});

/** Of the one connection that has that port at that end, as the kernel tells: 02 is the timer of probes. */
function secondsToProbe(end: 'local' | 'remote', port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = ['tcp', 'tcp6'].flatMap((name) => readFileSync(`/proc/net/${name}`, 'utf8').split('\n'));
  const connections = rows.map((row) => row.trim().split(/\s+/)).filter((words) => words[3] === '01');
  const row = connections.find((words) => words[end === 'local' ? 1 : 2]?.endsWith(`:${hex}`));
  const [, when = ''] = /^02:([0-9A-F]+)$/.exec(row?.[5] ?? '') ?? [];
  return Number.parseInt(when, 16) / 100;
}

test('listen() says which port it took, and rejects one that is taken', async () => {
  const other = closing(createServer().listen(0, '127.0.0.1'));
  await once(other, 'listening');
  const taken = (other.address() as { port: number }).port;
  const socket = closing(reportRouter());
  await assert.rejects(listen(socket, onLoopback('a', OLD, taken)), { code: 'EADDRINUSE' });
  const endpoint = await listen(socket, onLoopback('a', OLD));
  assert.match(endpoint, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  assert.ok(portOf(endpoint) > 1024);
});

const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);
test('listen() binds an IPv6 address', { skip: hasIpv6 ? false : 'this machine has no ::1' }, async () => {
  const socket = closing(reportRouter());
  const endpoint = await listen(socket, { ...onLoopback('a', OLD), address: '::1' });
  assert.match(endpoint, /^tcp:\/\/\[::1\]:\d+$/);
});

test('a frame beyond what an ack needs costs the sender its connection, and nobody else', async () => {
  const port = closing(new ReportPort());
  const endpoint = await port.listen(onLoopback('report', OLD));
  void serve(port);
  const flooder = new Dealer({
    linger: 0,
    curveServerKey: OLD.publicKey,
    curvePublicKey: host.publicKey,
    curveSecretKey: host.secretKey,
  });
  const isCut = new Promise((resolve) => flooder.events.on('disconnect', resolve));
  closing(flooder).connect(endpoint);
  await flooder.send(['', 'sync', 'x'.repeat(100_000), '']);
  await isCut;
  const asker = closing(new Requester({ endpoint, serverKey: OLD.publicKey, curve: host }));
  assert.equal((await asker.request(request(OLD.publicKey), 5000)).ok, true);
});
