import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { encodeRequest, rotationText, signedText } from '@banshare/protocol';
import {
  curveKeyOf,
  makeIdentity,
  SignatureChecker,
  Signer,
  type Answer,
  type CurvePair,
  type Sealed,
} from '@banshare/transport';
import { makeId, startFleet, type Peer } from '../../../../test/fleet/index.ts';
import { bytesOfZ85 } from '../../../../test/fleet/peers/z85.ts';

/** The order of the curve's group, and the prime of its field. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const P = 2n ** 255n - 19n;

/** Signs by a bare scalar: whoever knows a CURVE key's secret knows the Ed25519 keys of the same form, two of them. */
class ScalarSigner {
  readonly publicHex: string;
  readonly #scalar: bigint;

  constructor(scalar: bigint, publicHex: string) {
    this.#scalar = scalar;
    this.publicHex = publicHex;
  }

  sign(text: string): Buffer {
    const seed = randomBytes(32);
    const r = scalarOf(seed);
    const point = Buffer.from(new Signer(seed.toString('hex')).publicHex(), 'hex');
    const key = Buffer.from(this.publicHex, 'hex');
    const digest = createHash('sha512').update(point).update(key).update(text).digest();
    return Buffer.concat([point, bytesOf((r + numberOf(digest) * this.#scalar) % L)]);
  }
}

function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

function clamped(bytes: Uint8Array): bigint {
  const scalar = Buffer.from(bytes.subarray(0, 32));
  scalar[0] = (scalar[0] ?? 0) & 248;
  scalar[31] = ((scalar[31] ?? 0) & 127) | 64;
  return numberOf(scalar);
}

function scalarOf(seed: Uint8Array): bigint {
  return clamped(createHash('sha512').update(seed).digest());
}

function power(base: bigint, exponent: bigint): bigint {
  let [result, square] = [1n, base % P];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

/** The other Ed25519 key that has the CURVE key of a host's. */
function twinOf({ seedHex, publicHex }: { seedHex: string; publicHex: string }): ScalarSigner {
  const twin = Buffer.from(publicHex, 'hex');
  twin[31] = (twin[31] ?? 0) ^ 0x80;
  return new ScalarSigner(L - (scalarOf(Buffer.from(seedHex, 'hex')) % L), twin.toString('hex'));
}

/** An Ed25519 key whose CURVE key is a pair's. */
function hostKeyOf({ publicKey, secretKey }: CurvePair): ScalarSigner {
  const u = numberOf(bytesOfZ85(publicKey));
  const y = ((u + P - 1n) * power(u + 1n, P - 2n)) % P;
  const scalar = clamped(bytesOfZ85(secretKey)) % L;
  const publicHex = bytesOf(y).toString('hex');
  const signer = new ScalarSigner(scalar, publicHex);
  const holds = new SignatureChecker().holds(publicHex, Buffer.from('x'), signer.sign('x'));
  return holds ? signer : new ScalarSigner(L - scalar, publicHex);
}

/** The enrolment of a key that is known by its scalar; the peer knows the join key. */
function sealedBy(peer: Peer, signer: ScalarSigner, name: string): Sealed {
  const { request, id } = peer.enrolment(name, [], signer.publicHex);
  const envelope = { id, at: Date.now() / 1000, key: signer.publicHex, to: peer.serverKey };
  const { subject, body } = encodeRequest(envelope, request);
  return { id: envelope.id, subject, body, signature: signer.sign(signedText(subject, body)) };
}

function outcome(answer: Answer): string {
  return answer.ok ? (answer.reply.code ?? answer.reply.verdict) : answer.fault;
}

/** The request by which a peer asks for a next key that is known by its scalar. */
async function rotate(peer: Peer, next: ScalarSigner): Promise<string> {
  const id = makeId();
  const text = rotationText({ id, key: peer.identity.publicHex, to: peer.serverKey }, next.publicHex);
  const request = { kind: 'rotate', next: next.publicHex, proof: next.sign(text).toString('hex') } as const;
  return outcome(await peer.ask(request, { id }));
}

async function hears(peer: Peer): Promise<boolean> {
  const subscription = peer.subscribe();
  const first = await Promise.race([subscription.receive(), subscription.refused.then(() => undefined)]);
  subscription.close();
  return first !== undefined;
}

test('the other Ed25519 key of a host’s CURVE key, or of its next one, is refused, and the ledger is not troubled', async () => {
  await using fleet = await startFleet();
  const [h1, h2] = [await fleet.peer('h1'), await fleet.peer('h2')];
  const twin = twinOf(h1.identity);
  assert.equal(await curveKeyOf(twin.publicHex), h1.identity.curve.publicKey);
  const next = await makeIdentity();
  const id = makeId();
  const text = rotationText({ id, key: h1.identity.publicHex, to: h1.serverKey }, next.publicHex);
  const proof = new Signer(next.seedHex).sign(text).toString('hex');
  assert.equal(outcome(await h1.ask({ kind: 'rotate', next: next.publicHex, proof }, { id })), 'accepted');
  for (const other of [twin, twinOf(next)]) {
    assert.equal(outcome(await h1.send(sealedBy(h1, other, 'h3'))), 'key');
    assert.equal(await rotate(h2, other), 'next');
  }
  await fleet.server.asks('hosts', 'revoke', 'h1');
  assert.equal(outcome(await h2.send(sealedBy(h1, twin, 'h3'), fleet.keys.join)), 'key');
  assert.deepEqual(
    fleet.server.said.filter((line) => line.includes('Cannot write the ledger')),
    [],
  );
});

test('no host has the join key as its own or its next: it would let in everybody who has that', async () => {
  await using fleet = await startFleet();
  const h1 = await fleet.peer('h1');
  const joiner = hostKeyOf(fleet.keys.join);
  assert.equal(await curveKeyOf(joiner.publicHex), fleet.keys.join.publicKey);
  assert.equal(outcome(await h1.send(sealedBy(h1, joiner, 'h2'), fleet.keys.join)), 'key');
  assert.equal(await rotate(h1, joiner), 'next');
  const anybody = fleet.peerWith({ ...(await makeIdentity()), curve: fleet.keys.join });
  assert.equal(await hears(anybody), false);
});
