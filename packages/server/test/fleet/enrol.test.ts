import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  enrolmentText,
  parseHostName,
  type EnrolRequest,
  type HostName,
  type RequestKind,
} from '@banshare/protocol';
import { JoinProof, makeIdentity, Signer } from '@banshare/transport';
import { Peer, startFleet } from '../../../../test/fleet/index.ts';
import { LedgerOfTest } from '../ledger-of-test.ts';
import { publish } from '../reports.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const peers: Peer[] = [];
after(() => peers.forEach((peer) => peer.close()));

async function newcomer(): Promise<Peer> {
  const peer = new Peer(fleet.meeting, await makeIdentity());
  peers.push(peer);
  return peer;
}

async function named(peer: Peer, wanted: string): Promise<string> {
  const answer = await peer.enrol(wanted);
  assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
  return peer.name ?? '';
}

async function hosts(): Promise<number> {
  return (await fleet.server.json<{ hosts: number }>('status')).hosts;
}

test('who enrols gets its name, and both ports let its key in at once', async () => {
  const peer = await newcomer();
  assert.equal(await named(peer, 'web1.example.org'), 'web1.example.org');
  const heard = peer.subscribe();
  const message = await Promise.race([heard.receive(), heard.refused.then(() => undefined)]);
  assert.equal(message?.subject, 'heartbeat');
  heard.close();
  await publish(peer, '203.0.113.1');
});

test('the same key again gets the same name and makes no second host', async () => {
  const peer = await newcomer();
  assert.equal(await named(peer, 'web2'), 'web2');
  const before = await hosts();
  assert.equal(await named(peer, 'web2'), 'web2');
  assert.equal(await named(peer, 'another-name'), 'web2');
  assert.equal(await hosts(), before);
});

test('a name that is taken gets four hex digits of the key behind it, and stays so after a restart', async () => {
  const first = await newcomer();
  const second = await newcomer();
  assert.equal(await named(first, 'web3'), 'web3');
  const given = `web3-${second.identity.publicHex.slice(0, 4)}`;
  assert.equal(await named(second, 'web3'), given);
  await fleet.server.line(/Enrolled a host whose name was taken wanted=web3/);
  await fleet.server.restart();
  assert.equal(await named(second, 'web3'), given);
  await publish(second, '203.0.113.3');
});

const LONG_LABEL = 'a'.repeat(63);
for (const wanted of [
  LONG_LABEL,
  `${'b'.repeat(58)}-${'b'.repeat(4)}`,
  `${'c.'.repeat(99)}cc`,
  [LONG_LABEL, LONG_LABEL, LONG_LABEL, LONG_LABEL].join('.'),
  `${'d.'.repeat(127)}d`,
]) {
  test(`a taken name of ${wanted.length} characters is shortened to fit, and the server goes on`, async () => {
    const second = await newcomer();
    assert.equal(await named(await newcomer(), wanted), wanted);
    const given = await named(second, wanted);
    assert.ok(parseHostName(given).ok);
    assert.ok(given.endsWith(`-${second.identity.publicHex.slice(0, 4)}`), given);
    assert.ok(wanted.startsWith(given.slice(0, -5)));
  });
}

test('a key of another cannot be enrolled: the signature has to be its own', async () => {
  const victim = await newcomer();
  const thief = await makeIdentity();
  const before = await hosts();
  const { request, id } = victim.enrolment('thief');
  const answer = await victim.ask(request, { id, signer: new Signer(thief.seedHex) }, fleet.keys.join);
  assert.ok(answer.ok);
  assert.deepEqual([answer.reply.status, answer.reply.code], ['REFUSED', 'signature']);
  assert.equal(await hosts(), before);
});

test('a key that is no point of the curve is refused', async () => {
  const peer = await newcomer();
  for (const key of ['0'.repeat(64), `01${'0'.repeat(62)}`, 'f'.repeat(64)]) {
    const { request, id } = peer.enrolment('odd', [], key);
    const answer = await peer.ask(request, { id, key }, fleet.keys.join);
    assert.ok(answer.ok, JSON.stringify(answer));
    assert.equal(answer.reply.status, 'REFUSED');
  }
});

test('many that enrol at once all get in, each once', async () => {
  const many = await Promise.all(Array.from({ length: 20 }, () => newcomer()));
  const before = await hosts();
  const names = await Promise.all(many.map((peer) => named(peer, 'swarm')));
  assert.equal(new Set(names).size, 20);
  assert.equal(await hosts(), before + 20);
});

/** What a peer that is in gets for the enrolment of another key, over its own connection. */
async function sponsored(by: Peer, other: Peer, request: RequestKind, id: string): Promise<string> {
  const answer = await by.send(other.sealed(request, { id }));
  assert.ok(answer.ok, JSON.stringify(answer));
  return `${answer.reply.code ?? answer.reply.verdict}: ${answer.reply.reason ?? ''}`;
}

test('no host enrols further ones by its own key: an unknown key proves that it knows the join secret', async () => {
  const [evil, other] = [await newcomer(), await newcomer()];
  await named(evil, 'evil');
  const before = await hosts();
  const { request, id } = other.enrolment('sybil');
  assert.equal(request.kind, 'enrol');
  const to = fleet.keys.server.publicKey;
  const text = enrolmentText({ id, key: other.identity.publicHex, to }, 'sybil' as HostName);
  const byOwnKey = new JoinProof(evil.identity.curve.secretKey, to).of(text);
  const { join: ofAnotherId } = other.enrolment('sybil').request as EnrolRequest;
  for (const join of [undefined, byOwnKey, ofAnotherId, '0'.repeat(64)]) {
    const asked = { kind: 'enrol', name: 'sybil' as HostName, addresses: [], ...(join && { join }) } as const;
    assert.match(await sponsored(evil, other, asked, id), /^join: .*client-install\.sh/);
    const overJoinKey = await other.ask(asked, { id }, fleet.keys.join);
    assert.ok(overJoinKey.ok && overJoinKey.reply.code === 'join');
  }
  assert.equal(await hosts(), before);
  assert.match(await sponsored(evil, other, request, id), /^accepted/);
  assert.match(await sponsored(evil, other, request, id), /^accepted/);
});

test('a key that is known, or waits for an operator, goes on asking without a proof', async () => {
  const [known, waiting] = [await newcomer(), await newcomer()];
  await named(known, 'known-without');
  const bare = (name: string): RequestKind => ({ kind: 'enrol', name: name as HostName, addresses: [] });
  const verdict = async (peer: Peer, name: string): Promise<string> => {
    const answer = await peer.ask(bare(name), {}, fleet.keys.join);
    return answer.ok ? answer.reply.verdict : answer.fault;
  };
  assert.equal(await verdict(known, 'known-without'), 'accepted');
  await fleet.server.asks('enrolment', 'approve');
  await waiting.enrol('waiting-without');
  assert.equal(await verdict(waiting, 'waiting-without'), 'pending');
  await fleet.server.asks('hosts', 'approve', 'waiting-without');
  assert.equal(await verdict(waiting, 'waiting-without'), 'accepted');
  await fleet.server.asks('enrolment', 'open');
});

test('new names are compared without case, and no host is called operator in any case', async () => {
  for (const wanted of ['operator', 'Operator', 'OPERATOR']) {
    const answer = await (await newcomer()).enrol(wanted);
    assert.ok(answer.ok);
    assert.deepEqual([answer.reply.status, answer.reply.code], ['REFUSED', 'name']);
  }
  const [honest, shouting] = [await newcomer(), await newcomer()];
  assert.equal(await named(honest, 'honest'), 'honest');
  const given = `HONEST-${shouting.identity.publicHex.slice(0, 4)}`;
  assert.equal(await named(shouting, 'HONEST'), given);
  await publish(honest, '203.0.113.77');
  const { stdout } = await fleet.server.asks('hosts', 'approve', given);
  assert.match(stdout, /stays in the fleet under this name: honest is another host/);
});

test('names that differ in case only and are there from before stay', async () => {
  using shelf = new LedgerOfTest();
  shelf.host('web1');
  const other = shelf.host('other');
  shelf.ledger.sql("UPDATE hosts SET name = 'WEB1' WHERE id = ?").run(other.id);
  const { book } = shelf.reopen();
  assert.deepEqual(
    book.all().map(({ name }) => name),
    ['web1', 'WEB1'],
  );
  for (const name of ['web1', 'WEB1']) assert.equal(book.like(name)?.name, name);
});
