import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { coveredByMac } from '@banshare/protocol';
import {
  KeptMac,
  Mac,
  MacChecker,
  makeIdentity,
  Sealer,
  SignatureChecker,
  type Answer,
} from '../../src/index.ts';
import { hmacSha256 } from '../../src/keys/sha256.ts';
import { sharedKey } from '../../src/keys/shared-key.ts';
import { keys, macs, requests } from '../published-keys.ts';

const { server } = keys;
const secretOf = (key: string): string | undefined =>
  key === server.publicKey ? server.secretKey : undefined;
const MAC_REFUSED = { ok: true, reply: { status: 'REFUSED', code: 'signature' } } as Answer;
const envelope = { id: '1'.repeat(32), at: 1, key: keys.hosts['h1']?.public ?? '', to: server.publicKey };

for (const { name, by, subject, body, key, signature } of macs) {
  const host = keys.hosts[by];
  assert.ok(host !== undefined);
  const covered = Buffer.from(coveredByMac(subject, body));

  test(`Host and server reckon the same key for the vector "${name}", and MacChecker holds its MAC`, () => {
    for (const [secret, other] of [
      [host.curve.secretKey, server.publicKey],
      [server.secretKey, host.curve.publicKey],
    ] as const)
      assert.equal(sharedKey(secret, other, 'banshare/mac/1').toString('hex'), key);
    const mac = createHmac('sha256', Buffer.from(key, 'hex')).update(covered).digest();
    assert.equal(mac.toString('hex'), signature);
    assert.equal(new Mac(host.curve.secretKey, server.publicKey).of(covered).toString('hex'), signature);
    const between = { host: host.curve.publicKey, server: server.publicKey };
    assert.ok(new MacChecker(secretOf).holds(between, covered, mac));
  });
}

test('A key that was kept makes the same MACs as one that is derived, for every published vector', () => {
  for (const { by, subject, body, signature } of macs) {
    const host = keys.hosts[by];
    assert.ok(host !== undefined);
    const { keyHex } = new Mac(host.curve.secretKey, server.publicKey);
    assert.equal(new KeptMac(keyHex).of(coveredByMac(subject, body)).toString('hex'), signature);
  }
});

test('hmacSha256() is that of node:crypto for any key of up to 64 bytes and any text', () => {
  const key = fc.uint8Array({ maxLength: 64 });
  const text = fc.uint8Array({ maxLength: 400 });
  fc.assert(
    fc.property(key, text, (secret, bytes) => {
      const expected = createHmac('sha256', secret).update(bytes).digest('hex');
      assert.equal(hmacSha256(secret, bytes).toString('hex'), expected);
    }),
  );
  // Each length around a block's end.
  for (let length = 0; length < 200; length += 1) {
    const bytes = Buffer.alloc(length, 'a');
    const expected = createHmac('sha256', 'k').update(bytes).digest('hex');
    assert.equal(hmacSha256(Buffer.from('k'), bytes).toString('hex'), expected);
  }
  assert.throws(() => hmacSha256(new Uint8Array(65), new Uint8Array()), /longer than 64 bytes/);
});

test('MacChecker holds a MAC for its pair of keys, label and bytes alone', () => {
  const [{ subject, body, signature } = { subject: '', body: '', signature: '' }] = macs;
  const mac = Buffer.from(signature, 'hex');
  const covered = Buffer.from(coveredByMac(subject, body));
  const [h1, h2] = [keys.hosts['h1']?.curve.publicKey ?? '', keys.hosts['h2']?.curve.publicKey ?? ''];
  const checker = new MacChecker(secretOf);
  const isHeld = (host: string, to: string, bytes: Buffer, given: Buffer): boolean =>
    checker.holds({ host, server: to }, bytes, given);
  assert.ok(isHeld(h1, server.publicKey, covered, mac));
  assert.ok(!isHeld(h2, server.publicKey, covered, mac));
  assert.ok(!isHeld(h1, keys.join.publicKey, covered, mac));
  assert.ok(!isHeld('0'.repeat(40), server.publicKey, covered, mac));
  assert.ok(!isHeld(h1, server.publicKey, Buffer.from(`banshare/1\0${subject}\0${body}`), mac));
  for (const bad of [mac.subarray(1), Buffer.concat([mac, mac]), Buffer.alloc(32), Buffer.alloc(0)])
    assert.ok(!isHeld(h1, server.publicKey, covered, bad));
});

test('MacChecker is right however many keys it has seen, and keeps few', async () => {
  const checker = new MacChecker(secretOf, 2);
  for (let round = 0; round < 5; round += 1) {
    const { curve } = await makeIdentity();
    const mac = new Mac(curve.secretKey, server.publicKey).of('text');
    for (let again = 0; again < 2; again += 1)
      assert.ok(checker.holds({ host: curve.publicKey, server: server.publicKey }, Buffer.from('text'), mac));
  }
});

test('Sealer puts a MAC where the server takes it, and signs what makes or changes keys', () => {
  const identity = { seedHex: keys.hosts['h1']?.seed ?? '', curve: keys.hosts['h1']?.curve ?? server };
  const sealer = new Sealer(identity, server.publicKey, true);
  const sizes = requests.map(({ request }) => {
    const { id, at, key, to, ...kind } = request;
    const { signature } = sealer.seal({ id, at, key, to }, kind);
    return `${request.kind} ${signature.length}`;
  });
  assert.deepEqual([...new Set(sizes)].toSorted(), [
    'ack 32',
    'enrol 64',
    'report 32',
    'rotate 64',
    'sync 32',
    'unban 32',
  ]);
});

test('Sealer signs again what a server without MACs refused, and everything from then on', () => {
  const identity = { seedHex: keys.hosts['h1']?.seed ?? '', curve: keys.hosts['h1']?.curve ?? server };
  const sealer = new Sealer(identity, server.publicKey, true);
  const refused = { ok: true, reply: { status: 'REFUSED', code: 'unknown-key' } } as Answer;
  assert.ok(!sealer.hasToSign(refused));
  assert.ok(!sealer.hasToSign({ ok: false, fault: 'unreachable', reason: '' }));
  assert.ok(sealer.hasToSign(MAC_REFUSED));
  const { subject, body, signature } = sealer.seal(envelope, { kind: 'sync', limit: 1 });
  const covered = Buffer.from(`banshare/1\0${subject}\0${body}`);
  assert.ok(new SignatureChecker().holds(envelope.key, covered, signature));
  // A signature that is refused stays refused: no endless asking.
  assert.ok(!sealer.hasToSign(MAC_REFUSED));
  sealer.takesMac = true;
  assert.equal(sealer.seal(envelope, { kind: 'sync', limit: 1 }).signature.length, 32);
});
