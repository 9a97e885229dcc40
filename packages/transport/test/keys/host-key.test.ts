import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHostName, type HostName } from '@banshare/protocol';
import { makeIdentity, readHostKey, writeCertificate, writeHostKey, type Identity } from '../../src/index.ts';

let directory = '';
let identity: Identity;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banshare-host-'));
  identity = await makeIdentity();
});
after(() => rmSync(directory, { recursive: true }));

test('readHostKey() reads what writeHostKey() wrote, before and after the host got its name', () => {
  const base = join(directory, 'host');
  writeHostKey(base, identity);
  assert.deepEqual(readHostKey(base), { ok: true, value: identity });
  writeHostKey(base, identity, nameOf('web7.example.org'));
  assert.deepEqual(readHostKey(base), { ok: true, value: { ...identity, name: 'web7.example.org' } });
});

const SECTIONS: [what: string, ed25519: (own: Identity) => { [name: string]: string }, isRead: boolean][] = [
  ['seed and public key', (own) => ({ seed: own.seedHex, public: own.publicHex }), true],
  ['the seed alone', (own) => ({ seed: own.seedHex }), true],
  ['a public key that is none', (own) => ({ seed: own.seedHex, public: 'zz' }), true],
  ['no seed', (own) => ({ public: own.publicHex }), false],
  ['a short seed', (own) => ({ seed: own.seedHex.slice(2) }), false],
  ['a seed in upper case', (own) => ({ seed: 'AB'.repeat(32), public: own.publicHex }), false],
];
for (const [what, section, isRead] of SECTIONS) {
  test(`a host key with ${what} is ${isRead ? 'read' : 'refused'}`, () => {
    const base = join(directory, 'other');
    writeCertificate(base, { metadata: {}, curve: identity.curve, more: { ed25519: section(identity) } });
    const read = readHostKey(base);
    if (isRead) assert.deepEqual(read, { ok: true, value: identity });
    else assert.match(read.ok ? '' : read.fault, /section ed25519 has no seed of 64 hex digits$/);
  });
}

test('a certificate without our section, such as a join key, is no host key', () => {
  const base = join(directory, 'join');
  writeCertificate(base, { metadata: {}, curve: identity.curve });
  assert.equal(readHostKey(base).ok, false);
});

test('a name in the file that cannot be one is left out', () => {
  const base = join(directory, 'odd');
  writeCertificate(base, {
    metadata: { name: '../h1' },
    curve: identity.curve,
    more: { ed25519: { seed: identity.seedHex } },
  });
  assert.deepEqual(readHostKey(base), { ok: true, value: identity });
});

function nameOf(text: string): HostName {
  const name = parseHostName(text);
  assert.ok(name.ok);
  return name.value;
}
