import { test } from 'node:test';
import assert from 'node:assert/strict';
import { rotationText, signedText } from '@banshare/protocol';
import { SignatureChecker, Signer } from '../../src/index.ts';
import { keys, requests } from '../published-keys.ts';

const [seed = '', other = ''] = Object.values(keys.hosts).map((host) => host.seed);
const signer = new Signer(seed);
const message = Buffer.from('banshare/1\0sync\0{}');
const signature = signer.sign('banshare/1\0sync\0{}');

test('Signer makes the first signature of RFC 8032', () => {
  const rfc = new Signer('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
  assert.equal(rfc.publicHex(), 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
  assert.equal(
    rfc.sign('').toString('hex'),
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  );
});

for (const { name, by, subject, body, signature: hex } of requests) {
  test(`Signer makes the signature of the vector "${name}", and SignatureChecker holds it`, () => {
    const host = keys.hosts[by];
    assert.ok(host);
    assert.equal(new Signer(host.seed).sign(signedText(subject, body)).toString('hex'), hex);
    const bytes = Buffer.from(signedText(subject, body));
    assert.equal(new SignatureChecker().holds(host.public, bytes, Buffer.from(hex, 'hex')), true);
  });
}

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const PUBLIC = signer.publicHex();
const REFUSED: [what: string, publicHex: string, signed: Buffer, signature: Buffer][] = [
  ['another host’s key', new Signer(other).publicHex(), message, signature],
  ['another message', PUBLIC, Buffer.from('banshare/1\0sync\0{"a":1}'), signature],
  ['another subject', PUBLIC, Buffer.from('banshare/1\0ack\0{}'), signature],
  ['no prefix', PUBLIC, Buffer.from('sync\0{}'), signature],
  ['a changed bit', PUBLIC, message, flipped(signature, 10)],
  ['an empty signature', PUBLIC, message, Buffer.alloc(0)],
  ['63 bytes', PUBLIC, message, signature.subarray(1)],
  ['65 bytes', PUBLIC, message, Buffer.concat([signature, Buffer.alloc(1)])],
  ['64 zeros', PUBLIC, message, Buffer.alloc(64)],
  ['the same signature in another spelling (S + L)', PUBLIC, message, plusOrder(signature)],
  ['a key that is none', '00', message, signature],
  ['a key that is no hex', 'zz'.repeat(32), message, signature],
  ['an empty key', '', message, signature],
];
for (const [what, publicHex, signed, bytes] of REFUSED) {
  test(`SignatureChecker does not hold a signature with ${what}`, () => {
    assert.equal(new SignatureChecker().holds(publicHex, signed, bytes), false);
  });
}

test('SignatureChecker is right however many keys it has seen, and keeps few', () => {
  const checker = new SignatureChecker(2);
  const signers = Array.from({ length: 5 }, (_, index) => new Signer(`0${index + 1}`.repeat(32)));
  for (const one of [...signers, ...signers.toReversed()]) {
    assert.equal(checker.holds(one.publicHex(), message, one.sign(message.toString())), true);
    assert.equal(checker.holds(one.publicHex(), message, flipped(signature, 1)), false);
  }
});

function flipped(bytes: Buffer, index: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(index) ^ 1, index);
  return copy;
}

function plusOrder(bytes: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + L;
  const tail = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([bytes.subarray(0, 32), tail]);
}

test('the proof of the vector "rotate" is the next key\'s, for that request, host and server alone', () => {
  const request = requests.find(({ name }) => name === 'rotate')?.request;
  assert.ok(request?.kind === 'rotate');
  assert.equal(request.next, keys.hosts['h1-next']?.public);
  const checker = new SignatureChecker();
  const holds = (envelope: Parameters<typeof rotationText>[0], next: string): boolean =>
    checker.holds(next, Buffer.from(rotationText(envelope, next)), Buffer.from(request.proof, 'hex'));
  assert.equal(holds(request, request.next), true);
  const other = keys.hosts['h2']?.public ?? '';
  for (const changed of [{ id: 'ab'.repeat(16) }, { key: other }, { to: keys.join.publicKey }])
    assert.equal(holds({ ...request, ...changed }, request.next), false);
  assert.equal(holds(request, other), false);
});
