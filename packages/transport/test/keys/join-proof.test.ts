import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, hkdfSync } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import { enrolmentText, type HostName } from '@banshare/protocol';
import { JoinProof, makeCurvePair } from '../../src/index.ts';
import { bytesOfZ85 } from '../../../../test/fleet/peers/z85.ts';
import { keys, requests } from '../published-keys.ts';

const { server, join } = keys;
const [enrolled] = requests.flatMap(({ name, request }) =>
  name === 'enrol' && request.kind === 'enrol' ? [request] : [],
);
assert.ok(enrolled?.join !== undefined);
const text = enrolmentText(enrolled, enrolled.name);

test('JoinProof makes the proof of the wire specification’s enrolment, and the server’s side finds that it holds', () => {
  assert.equal(new JoinProof(join.secretKey, server.publicKey).of(text), enrolled.join);
  assert.ok(new JoinProof(server.secretKey, join.publicKey).holds(text, enrolled.join ?? ''));
});

test('the proof is what libsodium’s X25519 gives, under HKDF and HMAC of SHA-256', async () => {
  await sodium.ready;
  const shared = sodium.crypto_scalarmult(bytesOfZ85(join.secretKey), bytesOfZ85(server.publicKey));
  const key = Buffer.from(hkdfSync('sha256', shared, '', 'banshare/join/1', 32));
  assert.equal(createHmac('sha256', key).update(text).digest('hex'), enrolled.join);
});

test('a proof holds for that id, key, server and name alone, and only by one of the two secrets', async () => {
  const check = new JoinProof(server.secretKey, join.publicKey);
  const { id, key, to, name, join: proof = '' } = enrolled;
  const other = await makeCurvePair();
  for (const [envelope, wanted] of [
    [{ id: '1'.repeat(32), key, to }, name],
    [{ id, key: '2'.repeat(64), to }, name],
    [{ id, key, to: other.publicKey }, name],
    [{ id, key, to }, 'h2' as HostName],
  ] as const)
    assert.equal(check.holds(enrolmentText(envelope, wanted), proof), false);
  for (const bad of ['', 'zz'.repeat(32), proof.slice(2), `${proof}00`, '00'.repeat(32)])
    assert.equal(check.holds(text, bad), false);
  for (const [secretKey, publicKey] of [
    [other.secretKey, server.publicKey],
    [keys.hosts['h1']?.curve.secretKey ?? '', server.publicKey],
    [join.secretKey, other.publicKey],
  ] as const)
    assert.equal(check.holds(text, new JoinProof(secretKey, publicKey).of(text)), false);
});

test('a public key of small order, with which everybody would share the same, is refused', () => {
  assert.throws(() => new JoinProof(join.secretKey, '0'.repeat(40)));
});

test('the proof of a token is made under another label: neither proof is the other', () => {
  const [byToken] = requests.flatMap(({ name, request }) =>
    name === 'enrol by a token' && request.kind === 'enrol' ? [request] : [],
  );
  const { token } = keys;
  assert.equal(new JoinProof(token.secretKey, server.publicKey, 'token').of(text), byToken?.join);
  assert.ok(new JoinProof(server.secretKey, token.publicKey, 'token').holds(text, byToken?.join ?? ''));
  assert.equal(new JoinProof(server.secretKey, token.publicKey).holds(text, byToken?.join ?? ''), false);
});
