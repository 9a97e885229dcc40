import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { parsePublication, rotationText } from '@banshare/protocol';
import { makeIdentity, Signer, type Sealed, type Subscription } from '@banshare/transport';
import {
  assertInTime,
  makeId,
  startFleet,
  untilAnswered,
  within,
  type Fleet,
  type Peer,
} from '../../../../test/fleet/index.ts';
import { publish, reportOf } from '../reports.ts';

/** The process that has the publish port: the one child of the server. */
function childOf(pid: number): number {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return parent === String(pid) && state !== 'Z';
    } catch {
      return false;
    }
  });
  assert.equal(children.length, 1, `children of the server: ${children.join(' ')}`);
  return Number(children[0]);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Reads on until a heartbeat names that head; returns the subjects of the events before it. */
async function headReached(subscription: Subscription, head: number): Promise<string[]> {
  const subjects: string[] = [];
  const reached = (async (): Promise<string[]> => {
    for (;;) {
      const message = await subscription.receive();
      assert.ok(message !== undefined);
      const read = parsePublication(message.subject, message.body);
      assert.ok(read.ok);
      if (read.value.kind !== 'heartbeat') subjects.push(message.subject);
      else if (read.value.heartbeat.seq >= head) return subjects;
    }
  })();
  return within(reached, 20_000, () => `a heartbeat that names ${head}`);
}

/** The end of a process that is not our child is no event here. */
async function ended(pid: number): Promise<void> {
  const gone = async (): Promise<true | undefined> => (isRunning(pid) ? undefined : true);
  await untilAnswered(gone, 10_000, () => `the end of process ${pid}`);
}

/** The server's line about a child that is gone. */
async function childLost(fleet: Fleet): Promise<string> {
  // A flood grows no faster than the machine is.
  return fleet.server.line(/The fan-out child is gone and is started again/, 60_000);
}

test('subscribers hear each event once and in order, and heartbeats that name the last', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  const subscription = peer.subscribe();
  await headReached(subscription, 0);
  for (let last = 1; last <= 5; last += 1) await publish(peer, `203.0.113.${last}`);
  const wanted = [1, 2, 3, 4, 5].map((last) => `fail2ban;sshd;203.0.113.${last};h1`);
  assert.deepEqual(await headReached(subscription, 5), wanted);
  subscription.close();
});

test('a killed child comes back at the same port, and its heartbeat names what was published meanwhile', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  const subscription = peer.subscribe();
  await headReached(subscription, 0);
  process.kill(childOf(fleet.server.pid), 'SIGKILL');
  await childLost(fleet);
  // The child takes longer to start than a report to be accepted.
  const seq = await publish(peer, '203.0.113.1');
  await headReached(subscription, seq);
  await publish(peer, '203.0.113.2');
  assert.deepEqual(await headReached(subscription, seq + 1), ['fail2ban;sshd;203.0.113.2;h1']);
  subscription.close();
});

test('hosts that enrol while the child starts are let in by it', async () => {
  await using fleet = await startFleet();
  process.kill(childOf(fleet.server.pid), 'SIGKILL');
  await childLost(fleet);
  // Each takes some milliseconds, the child some hundred; opening-doors.test.ts has the order of events for sure.
  const peers: Peer[] = [];
  for (let index = 0; index < 60; index += 1) peers.push(await fleet.peer(`h${index}`));
  const heard = peers.map(async (peer) => {
    const subscription = peer.subscribe();
    const refused = subscription.refused.then(() => 'refused');
    const first = await Promise.race([headReached(subscription, 0), refused]);
    subscription.close();
    return first;
  });
  const refused = (await Promise.all(heard)).filter((first) => first === 'refused');
  assert.deepEqual(refused, []);
});

test('a child that hangs is replaced, and enrolments and reports do not wait for it', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  const child = childOf(fleet.server.pid);
  process.kill(child, 'SIGSTOP');
  const dealer = peer.dealer();
  // Asked again, an enrolment opens the doors again, of which the child has one.
  const enrolment = peer.sealed({ kind: 'enrol', name: peer.name!, addresses: [] });
  const report = peer.sealed(reportOf(peer, '203.0.113.1'));
  const began = performance.now();
  for (const { subject, body, signature } of [enrolment, report])
    await dealer.send(['', subject, body, signature]);
  const [, , answer] = (await dealer.receive()).map(String);
  const ms = performance.now() - began;
  assert.match(answer ?? '', new RegExp(report.id));
  // The child is taken for hung after 6 s.
  assert.ok(ms < 5000, `the report waited ${ms} ms`);
  assert.match(await childLost(fleet), /no sign of life/);
  assert.match((await dealer.receive()).map(String)[2] ?? '', new RegExp(enrolment.id));
  dealer.close();
  const subscription = peer.subscribe();
  await headReached(subscription, 1);
  subscription.close();
});

/** Goes over to another key, by which the one before is shut out. */
async function goOver(fleet: Fleet, peer: Peer): Promise<void> {
  const next = fleet.peerWith(await makeIdentity(), peer.name);
  const { publicHex, seedHex } = next.identity;
  const id = makeId();
  const text = rotationText({ id, key: peer.identity.publicHex, to: peer.serverKey }, publicHex);
  const proof = new Signer(seedHex).sign(text).toString('hex');
  await askAgain(peer, peer.sealed({ kind: 'rotate', next: publicHex, proof }, { id }));
  await askAgain(next, next.sealed({ kind: 'sync', limit: 1 }));
}

/** As a host does, it asks again where the server cut its connections more than once meanwhile. */
async function askAgain(peer: Peer, request: Sealed): Promise<void> {
  for (;;) {
    const answer = await peer.send(request, undefined, 2000);
    if (answer.ok || answer.fault !== 'unreachable') {
      assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
      return;
    }
  }
}

test('a fleet whose hosts all change their keys at once keeps its publish port, and every key before is shut out', async () => {
  await using fleet = await startFleet();
  const good = await fleet.peer('good');
  const peers: Peer[] = [];
  for (let n = 0; n < 80; n += 1) peers.push(await fleet.peer(`h${n}`));
  const child = childOf(fleet.server.pid);
  const [first, last] = [peers[0]!.subscribe(), peers.at(-1)!.subscribe()];
  const subscription = good.subscribe();
  await Promise.all([first, last, subscription].map((each) => headReached(each, 0)));
  await within(Promise.all(peers.map((peer) => goOver(fleet, peer))), 60_000, () => 'the new keys');
  for (const each of [first, last]) {
    await within(each.refused, 20_000, () => 'the cut of a key before');
    each.close();
  }
  await headReached(subscription, await publish(good, '203.0.113.1'));
  assert.equal(childOf(fleet.server.pid), child);
  subscription.close();
});

test('a child ends with its server, however that ends', async () => {
  await using fleet = await startFleet();
  const stopped = childOf(fleet.server.pid);
  assert.equal(await fleet.server.stop(), 0);
  assert.equal(isRunning(stopped), false);
  await fleet.server.start();
  const orphan = childOf(fleet.server.pid);
  await fleet.server.kill9();
  await ended(orphan);
});

test('a flood of subscriptions by one valid key costs a moment of publishing, and no report', async () => {
  // Thousands of bans are not worth a line each here.
  await using fleet = await startFleet({ serverToml: '[log]\nlevel = "error"\n' });
  const peer = await fleet.peer('h1');
  const flooder = await fleet.peer('flooder');
  const socket = flooder.subscriber();
  const lost = childLost(fleet);
  let isOver = false;
  const over = lost.finally(() => (isOver = true));
  const flooding = (async (): Promise<void> => {
    // Long and all different: the publisher keeps each.
    while (!isOver) await socket.send([Buffer.concat([Buffer.of(1), randomBytes(450)])]);
  })();
  let slowest = 0;
  for (let count = 0; !isOver; count += 1) {
    const began = performance.now();
    await publish(peer, `203.0.113.${count % 250}`, `jail${count}`);
    slowest = Math.max(slowest, performance.now() - began);
  }
  // What it still waits to send would keep this process, where the child was not lost.
  void flooding.catch(() => undefined);
  socket.close();
  await over;
  assert.match(await lost, /it grew to \d+ MiB, beyond its cap: a subscriber floods it|no sign of life/);
  await assertInTime(slowest, 2000);
  const seq = await publish(peer, '203.0.113.251');
  const subscription = peer.subscribe();
  await headReached(subscription, seq);
  subscription.close();
});
