import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { isCurveKey } from '@banshare/protocol';
import { curveKeyOf, makeCurvePair, makeIdentity, Signer, type CurvePair } from '../../src/index.ts';
import { encodeZ85 } from '../../src/keys/z85.ts';
import { bytesOfZ85 } from '../../../../test/fleet/peers/z85.ts';
import { keys } from '../published-keys.ts';

test('makeCurvePair() makes pairs that fit, each another', async () => {
  const pairs = [await makeCurvePair(), await makeCurvePair()];
  for (const pair of pairs) {
    assert.ok(isCurveKey(pair.publicKey) && isCurveKey(pair.secretKey));
    assert.equal(publicOf(pair), pair.publicKey);
  }
  assert.notEqual(pairs[0]?.secretKey, pairs[1]?.secretKey);
});

test('a host’s two keys are one: the server derives the CURVE key from the Ed25519 key', async () => {
  for (let count = 0; count < 20; count += 1) {
    const identity = await makeIdentity();
    assert.equal(identity.publicHex, new Signer(identity.seedHex).publicHex());
    assert.equal(await curveKeyOf(identity.publicHex), identity.curve.publicKey);
    assert.equal(publicOf(identity.curve), identity.curve.publicKey);
  }
});

test('the published test keys agree in the same way', async () => {
  for (const host of Object.values(keys.hosts)) {
    assert.equal(new Signer(host.seed).publicHex(), host.public);
    assert.equal(await curveKeyOf(host.public), host.curve.publicKey);
    assert.equal(publicOf(host.curve), host.curve.publicKey);
  }
});

const NO_KEYS: [what: string, hex: string][] = [
  ['nothing', ''],
  ['31 bytes', 'ab'.repeat(31)],
  ['33 bytes', 'ab'.repeat(33)],
  ['no hex', 'zz'.repeat(32)],
  ['zero, a point of small order', '00'.repeat(32)],
  ['the identity, with which any signature holds', `01${'00'.repeat(31)}`],
  ['another point of small order', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
  ['no point of the curve', `02${'00'.repeat(31)}`],
];
for (const [what, hex] of NO_KEYS) {
  test(`curveKeyOf() gives no key for ${what}`, async () => {
    assert.equal(await curveKeyOf(hex), undefined);
  });
}

/** The public half by node:crypto, which shares no code with libsodium. */
function publicOf(pair: CurvePair): string {
  const der = Buffer.concat([
    Buffer.from('302e020100300506032b656e04220420', 'hex'),
    bytesOfZ85(pair.secretKey),
  ]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return encodeZ85(createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(12));
}
