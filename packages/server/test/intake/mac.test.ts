import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { rotationText, signedText, encodeRequest, type HostName, type RequestKind } from '@banshare/protocol';
import { Mac, makeIdentity, sealByMac, Signer, type Answer, type Identity } from '@banshare/transport';
import { ackOf, makeId, Peer, startFleet } from '../../../../test/fleet/index.ts';
import { reportOf } from '../reports.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const serverKey = fleet.keys.server.publicKey;
/** Carries the words of others, so that the door does not refuse them. */
const carrier = await fleet.peer('carrier');
/** Enrolled before a host is revoked, after which an operator is asked. */
const rotates = await fleet.peer('rotates');

const SYNC: RequestKind = { kind: 'sync', limit: 1 };
const ACK = ackOf();

/** A request of an identity, with the MAC that the holder of the secret makes. */
function byMac(
  request: RequestKind,
  identity: Identity,
  mac = new Mac(identity.curve.secretKey, serverKey),
): ReturnType<typeof sealByMac> {
  const envelope = { id: makeId(), at: Date.now() / 1000, key: identity.publicHex, to: serverKey };
  return sealByMac(envelope, request, mac);
}

async function outcome(answering: Promise<Answer>): Promise<string> {
  const answer = await answering;
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.reply.code ?? answer.reply.verdict;
}

test('A host reports, withdraws, acknowledges and asks by MAC, and is told that the server takes it', async () => {
  const peer = await fleet.peer('h1');
  const report = reportOf(peer, '203.0.113.1');
  assert.equal(await outcome(peer.send(byMac(report, peer.identity))), 'accepted');
  assert.ok(report.kind === 'report');
  const { ip, prog, jail } = report.report;
  const unban = byMac({ kind: 'unban', ban: { ip, prog, jail } }, peer.identity);
  assert.equal(await outcome(peer.send(unban)), 'accepted');
  assert.equal(await outcome(peer.send(byMac(SYNC, peer.identity))), 'accepted');
  const acknowledged = await peer.send(byMac(ACK, peer.identity));
  assert.ok(acknowledged.ok);
  assert.equal(acknowledged.reply.fields['takes'], 'mac');
});

test('A MAC is refused for what makes or changes keys, by another host, over other words and under the label of a signature', async () => {
  const [peer, other] = [await fleet.peer('h2'), await fleet.peer('h3')];
  const report = reportOf(peer, '203.0.113.2');
  const next = await makeIdentity();
  const enrol: RequestKind = { kind: 'enrol', name: 'h2' as HostName, addresses: [] };
  const rotate: RequestKind = { kind: 'rotate', next: next.publicHex, proof: '0'.repeat(128) };
  const foreign = new Mac(other.identity.curve.secretKey, serverKey);
  const right = byMac(report, peer.identity);
  const { subject, body } = encodeRequest(
    { id: right.id, at: Date.now() / 1000, key: peer.identity.publicHex, to: serverKey },
    report,
  );
  const mislabelled = new Mac(peer.identity.curve.secretKey, serverKey).of(signedText(subject, body));
  for (const message of [
    byMac(enrol, peer.identity),
    byMac(rotate, peer.identity),
    byMac(enrol, next),
    byMac(report, peer.identity, foreign),
    { ...right, body: right.body.replace('"v":1', '"v": 1') },
    { ...right, signature: Buffer.alloc(32) },
    { ...right, signature: right.signature.subarray(1) },
    { id: right.id, subject, body, signature: mislabelled },
  ])
    assert.equal(await outcome(peer.send(message)), 'signature');
});

test('What was accepted by MAC before is refused once the host is revoked, or forgotten', async () => {
  const [revoked, forgotten] = [await fleet.peer('revoked'), await fleet.peer('forgotten')];
  for (const [peer, deed, code] of [
    [revoked, 'revoke', 'revoked'],
    [forgotten, 'forget', 'unknown-key'],
  ] as const) {
    assert.equal(await outcome(carrier.send(byMac(SYNC, peer.identity))), 'accepted');
    assert.equal((await fleet.server.asks('hosts', deed, peer.name ?? '')).code, 0);
    assert.equal(await outcome(carrier.send(byMac(SYNC, peer.identity))), code);
  }
});

test('The first word of a next key may be by MAC, and the key before is nobody’s from then on', async () => {
  const peer = rotates;
  const next = await makeIdentity();
  const envelope = { id: makeId(), key: peer.identity.publicHex, to: serverKey };
  const proof = new Signer(next.seedHex).sign(rotationText(envelope, next.publicHex)).toString('hex');
  assert.equal(await outcome(carrier.send(byMac(SYNC, next))), 'unknown-key');
  const rotated = peer.ask({ kind: 'rotate', next: next.publicHex, proof }, { id: envelope.id });
  assert.equal(await outcome(rotated), 'accepted');
  assert.equal(await outcome(carrier.send(byMac(SYNC, peer.identity))), 'accepted');
  const fresh = new Peer(fleet.meeting, next);
  assert.equal(await outcome(fresh.send(byMac(SYNC, next))), 'accepted');
  fresh.close();
  assert.equal(await outcome(carrier.send(byMac(SYNC, peer.identity))), 'unknown-key');
});
