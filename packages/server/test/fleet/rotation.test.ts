import { test } from 'node:test';
import assert from 'node:assert/strict';
import { rotationText, type RequestKind } from '@banshare/protocol';
import { makeIdentity, Signer, type Answer, type Identity, type Sealed } from '@banshare/transport';
import { makeId, type Peer, startFleet, within, type Fleet } from '../../../../test/fleet/index.ts';
import { publish, reportOf } from '../reports.ts';

type Otherwise = { id?: string; at?: number };
type Entry = { what: string; details: Record<string, unknown> };

/** The request by which a peer goes over to another key; the proof is that key's unless the test says otherwise. */
function rotation(peer: Peer, next: Identity, otherwise: Otherwise = {}, signer?: Signer): Sealed {
  const id = otherwise.id ?? makeId();
  const { serverKey: to } = peer;
  const proof = (signer ?? new Signer(next.seedHex))
    .sign(rotationText({ id, key: peer.identity.publicHex, to }, next.publicHex))
    .toString('hex');
  return peer.sealed({ kind: 'rotate', next: next.publicHex, proof }, { ...otherwise, id });
}

function outcome(answer: Answer): string {
  if (!answer.ok) return answer.fault;
  return answer.reply.code ?? answer.reply.verdict;
}

async function rotate(peer: Peer, next: Identity, otherwise: Otherwise = {}): Promise<string> {
  return outcome(await peer.send(rotation(peer, next, otherwise)));
}

/** A peer's next key, and the same host with it. */
async function withNextKey(fleet: Fleet, peer: Peer): Promise<Peer> {
  return fleet.peerWith(await makeIdentity(), peer.name);
}

/** What becomes of a report, however it fails. */
let last = 0;
async function fateOf(peer: Peer): Promise<string> {
  last += 1;
  return outcome(await peer.ask(reportOf(peer, `203.0.113.${last}`)));
}

/** Whether the publish port lets a peer in. */
async function hears(peer: Peer): Promise<boolean> {
  const subscription = peer.subscribe();
  const first = await Promise.race([subscription.receive(), subscription.refused.then(() => undefined)]);
  subscription.close();
  return first !== undefined;
}

/** The same peer on fresh connections, which the doors judge anew. */
function anew(fleet: Fleet, { identity, name }: Peer): Peer {
  return fleet.peerWith(identity, name);
}

async function audit(fleet: Fleet, what: string): Promise<Entry['details'][]> {
  const { entries } = await fleet.server.json<{ entries: Entry[] }>('audit');
  return entries.filter((entry) => entry.what === what).map(({ details }) => details);
}

async function isRotating(fleet: Fleet): Promise<boolean[]> {
  const { hosts } = await fleet.server.json<{ hosts: { isRotating: boolean }[] }>('hosts');
  return hosts.map((host) => host.isRotating);
}

test('both keys are let in until the next one is used, also after a restart; then the one before is shut out', async () => {
  await using fleet = await startFleet({ hosts: ['other'] });
  const old = await fleet.peer('h1');
  const next = await withNextKey(fleet, old);
  assert.equal(await hears(next), false);
  assert.equal(await rotate(old, next.identity), 'accepted');
  assert.equal(await rotate(old, next.identity), 'accepted');
  assert.deepEqual([await hears(next), await hears(old)], [true, true]);
  assert.equal(await fateOf(old), 'accepted');
  await fleet.server.restart();
  assert.deepEqual([await hears(next), await hears(old), await fateOf(old)], [true, true, 'accepted']);
  assert.deepEqual((await isRotating(fleet)).filter(Boolean), [true]);

  const subscription = old.subscribe();
  await subscription.receive();
  assert.equal(await fateOf(next), 'accepted');
  // By its connection, as long as that is not cut yet, or by the door.
  assert.match(await fateOf(old), /^(unknown-key|not-admitted)$/);
  await within(subscription.refused, 5000, () => 'the cut of the old subscription');
  subscription.close();
  assert.deepEqual([await fateOf(anew(fleet, old)), await hears(old)], ['not-admitted', false]);
  assert.deepEqual([await fateOf(anew(fleet, next)), await hears(next)], ['accepted', true]);
  await fleet.server.restart();
  assert.deepEqual([await hears(next), await hears(old)], [true, false]);
  assert.deepEqual(await isRotating(fleet), [false, false]);
  const { publicHex: before } = old.identity;
  const { publicHex: key } = next.identity;
  assert.deepEqual(await audit(fleet, 'rotation asked'), [{ name: 'h1', key: before, next: key }]);
  assert.deepEqual(await audit(fleet, 'rotated'), [{ name: 'h1', before, key }]);
  assert.equal((await fleet.server.asks('audit', '--verify')).code, 0);
});

for (const [what, ask] of Object.entries<(peer: Peer) => RequestKind>({
  'a report': (peer) => reportOf(peer, '203.0.113.250'),
  'a sync': () => ({ kind: 'sync', limit: 1 }),
  'an unban': (peer) => {
    const { report } = reportOf(peer, '203.0.113.250') as RequestKind & { kind: 'report' };
    return { kind: 'unban', ban: report };
  },
})) {
  test(`${what} that the next key signed makes it count, whichever key opened the door`, async () => {
    await using fleet = await startFleet();
    const old = await fleet.peer('h1');
    const next = await withNextKey(fleet, old);
    await rotate(old, next.identity);
    const answer = await next.ask(ask(next), {}, old.identity.curve);
    assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
    assert.equal(await fateOf(anew(fleet, old)), 'not-admitted');
  });
}

test('the ids of reports are the host’s, whichever of its keys signs', async () => {
  await using fleet = await startFleet();
  const old = await fleet.peer('h1');
  const next = await withNextKey(fleet, old);
  const id = makeId();
  const report = reportOf(old, '203.0.113.9');
  const first = await old.ask(report, { id });
  await rotate(old, next.identity);
  const again = await next.ask(report, { id });
  assert.ok(first.ok && again.ok);
  assert.deepEqual([again.reply.verdict, again.reply.seq], [first.reply.verdict, first.reply.seq]);
  assert.equal((await fleet.server.json<{ head: number }>('status')).head, 1);
});

test('another next key replaces the one that waits, which is shut out', async () => {
  await using fleet = await startFleet();
  const old = await fleet.peer('h1');
  const [first, second] = [await withNextKey(fleet, old), await withNextKey(fleet, old)];
  await rotate(old, first.identity);
  const subscription = first.subscribe();
  await subscription.receive();
  assert.equal(await rotate(old, second.identity), 'accepted');
  await within(subscription.refused, 5000, () => 'the cut of the key that was replaced');
  subscription.close();
  // One after the other: the first report with the second key shuts the old one out.
  assert.deepEqual(
    [await fateOf(first), await fateOf(old), await fateOf(second)],
    ['not-admitted', 'accepted', 'accepted'],
  );
});

test('a captured rotation does nothing new, neither while another key waits nor after it was used', async () => {
  await using fleet = await startFleet();
  const old = await fleet.peer('h1');
  const thief = await fleet.peer('h2');
  const [first, second] = [await withNextKey(fleet, old), await withNextKey(fleet, old)];
  const captured = rotation(old, first.identity);
  assert.equal(outcome(await old.send(captured)), 'accepted');
  assert.equal(await rotate(old, second.identity), 'accepted');
  assert.equal(outcome(await thief.send(captured)), 'clock');
  assert.equal(await hears(first), false);
  assert.equal(await fateOf(second), 'accepted');
  assert.equal(outcome(await thief.send(captured)), 'unknown-key');
  assert.equal((await audit(fleet, 'rotation asked')).length, 2);
});

test('a rotation by a clock that is wrong is answered with the time, and nothing comes of it', async () => {
  await using fleet = await startFleet();
  const old = await fleet.peer('h1');
  const next = await withNextKey(fleet, old);
  const now = Date.now() / 1000;
  for (const at of [now - 320, now + 90]) assert.equal(await rotate(old, next.identity, { at }), 'clock');
  assert.equal(await hears(next), false);
  assert.equal(await rotate(old, next.identity, { at: now - 200 }), 'accepted');
});

test('a next key that did not sign, or that is some host’s already, is refused', async () => {
  await using fleet = await startFleet();
  const [old, other, third] = [await fleet.peer('h1'), await fleet.peer('h2'), await fleet.peer('h3')];
  const next = await makeIdentity();
  const byOther = rotation(old, next, {}, new Signer(other.identity.seedHex));
  assert.equal(outcome(await old.send(byOther)), 'proof');
  const honest = rotation(old, next);
  const { proof } = JSON.parse(honest.body) as { proof: string };
  // The same proof in another request, and as another host's.
  for (const peer of [old, other]) {
    const answer = await peer.ask({ kind: 'rotate', next: next.publicHex, proof });
    assert.equal(outcome(answer), 'proof');
  }
  for (const taken of [old, other]) assert.equal(await rotate(old, taken.identity), 'next');
  await rotate(third, next);
  assert.equal(await rotate(old, next), 'next');
  await fleet.server.asks('hosts', 'revoke', 'h3');
  assert.equal(await rotate(old, next), 'next');
  assert.deepEqual(await isRotating(fleet), [false, false, true]);
});

test('a host that waits for an operator cannot rotate', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nmode = "approve"' });
  const peer = fleet.peerWith(await makeIdentity());
  await peer.enrol('web1');
  const next = await makeIdentity();
  assert.equal(await rotate(peer, next), 'not-admitted');
  assert.equal(outcome(await peer.send(rotation(peer, next), fleet.keys.join)), 'pending');
});

for (const action of ['revoke', 'forget']) {
  test(`${action} shuts both keys of a host that has a next one`, async () => {
    await using fleet = await startFleet();
    const old = await fleet.peer('h1');
    const next = await withNextKey(fleet, old);
    await rotate(old, next.identity);
    const subscription = next.subscribe();
    await subscription.receive();
    assert.equal((await fleet.server.asks('hosts', action, 'h1')).code, 0);
    await within(subscription.refused, 5000, () => 'the cut of the next key');
    subscription.close();
    const code = action === 'revoke' ? 'revoked' : 'unknown-key';
    // Its report connection is cut within a second, too: it is refused over that one, or comes back and is not let in.
    assert.ok([code, 'not-admitted'].includes(await fateOf(old)));
    for (const each of [old, next])
      assert.deepEqual([await fateOf(anew(fleet, each)), await hears(each)], ['not-admitted', false]);
    assert.ok([code, 'not-admitted'].includes(await rotate(old, await makeIdentity())));
    await fleet.server.restart();
    for (const each of [old, next]) assert.equal(await fateOf(anew(fleet, each)), 'not-admitted');
  });
}

test('handing a name over shuts both keys of the host that had it, and lets in both of a host that comes back', async () => {
  await using fleet = await startFleet();
  const [first, second] = [await fleet.peer('web1'), await fleet.peer('web1')];
  const [firstNext, secondNext] = [await withNextKey(fleet, first), await withNextKey(fleet, second)];
  await rotate(first, firstNext.identity);
  await rotate(second, secondNext.identity);
  const given = String(second.name);
  await fleet.server.asks('hosts', 'approve', '--replace', given);
  for (const each of [first, firstNext]) assert.equal(await hears(each), false);
  await fleet.server.asks('hosts', 'revoke', 'web1');
  for (const each of [second, secondNext]) assert.equal(await hears(each), false);
  await fleet.server.asks('hosts', 'approve', 'web1');
  for (const each of [second, secondNext]) assert.equal(await hears(each), true);
});

test('a host gets no more than five new keys at once', async () => {
  await using fleet = await startFleet();
  const peer = await fleet.peer('h1');
  const outcomes: string[] = [];
  for (let n = 0; n < 7; n += 1) outcomes.push(await rotate(peer, await makeIdentity()));
  assert.deepEqual(outcomes, [...Array<string>(5).fill('accepted'), 'limit', 'limit']);
  assert.equal((await audit(fleet, 'rotation asked')).length, 5);
});

test('while keys change, no other host misses anything', async () => {
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const [good, changing] = [await fleet.peer('good'), await fleet.peer('changing')];
  let isOver = false;
  const reported = new Set<string>();
  const load = (async (): Promise<void> => {
    for (let n = 1; !isOver; n += 1) {
      const [ip, jail] = [`203.0.113.${(n % 250) + 1}`, `jail${n}`];
      await publish(good, ip, jail);
      reported.add(`${jail} ${ip}`);
    }
  })();
  let peer = changing;
  for (let n = 0; n < 4; n += 1) {
    const next = await withNextKey(fleet, peer);
    assert.equal(await rotate(peer, next.identity), 'accepted');
    assert.equal(await fateOf(next), 'accepted');
    peer = next;
  }
  isOver = true;
  await load;
  for (const host of [fleet.host('h1'), fleet.host('h2')]) {
    const missing = new Set(reported);
    while (missing.size > 0) {
      const [, jail, , ip] = await host.commands.next();
      missing.delete(`${jail} ${ip}`);
    }
  }
});
