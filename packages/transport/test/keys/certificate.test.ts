import { afterEach, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { curveKeyPair } from 'zeromq';
import {
  parseSections,
  readPublicKey,
  readSecretSections,
  writeCertificate,
  writePublicKey,
} from '../../src/index.ts';
import { formatSections } from '../../src/keys/certificate.ts';

const PYTHON = '/usr/bin/python3';
const hasPyzmq = spawnSync(PYTHON, ['-c', 'import zmq.auth']).status === 0;
const noPyzmq = hasPyzmq ? false : 'python3-zmq is not installed';

const curve = curveKeyPair();
let directory = '';
let base = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banshare-keys-'));
  base = join(directory, 'host');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('what writeCertificate() wrote is read again, the secret with mode 0600, under any umask', () => {
  for (const mask of [0o000, 0o077, 0o777]) {
    const before = process.umask(mask);
    writeCertificate(base, { metadata: { name: 'h1' }, curve, more: { ed25519: { seed: 'ab' } } });
    process.umask(before);
    assert.deepEqual(readPublicKey(base), { ok: true, value: curve.publicKey });
    const secret = readSecretSections(base);
    assert.ok(secret.ok);
    assert.deepEqual(secret.value.curve, curve);
    assert.equal(secret.value.sections['metadata']?.['name'], 'h1');
    assert.equal(secret.value.sections['ed25519']?.['seed'], 'ab');
    assert.equal(statSync(`${base}.key_secret`).mode & 0o777, 0o600);
    assert.equal(statSync(`${base}.key`).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(directory).toSorted(), ['host.key', 'host.key_secret']);
  }
});

test('the public file holds no secret', () => {
  writeCertificate(base, { metadata: {}, curve, more: { ed25519: { seed: 'ab'.repeat(32) } } });
  const sections = parseSections(spawnSync('cat', [`${base}.key`], { encoding: 'utf8' }).stdout);
  assert.deepEqual(Object.keys(sections['curve'] ?? {}), ['public-key']);
  assert.equal(sections['ed25519'], undefined);
});

for (const mode of [0o600, 0o400]) {
  test(`a secret of mode 0${mode.toString(8)} is read`, () => {
    writeCertificate(base, { metadata: {}, curve });
    chmodSync(`${base}.key_secret`, mode);
    assert.equal(readSecretSections(base).ok, true);
  });
}

for (const mode of [0o640, 0o644, 0o660, 0o604, 0o601, 0o700, 0o777]) {
  test(`a secret of mode 0${mode.toString(8)} is refused, with what to do`, () => {
    writeCertificate(base, { metadata: {}, curve });
    chmodSync(`${base}.key_secret`, mode);
    const read = readSecretSections(base);
    assert.equal(
      !read.ok && read.fault,
      `Cannot use the key "${base}.key_secret": its mode must be 0600, it is 0${mode.toString(8)}; run chmod 0600 on it`,
    );
  });
}

test('the mode that counts is that of the file, not of a link to it', () => {
  writeCertificate(base, { metadata: {}, curve });
  symlinkSync(`${base}.key_secret`, join(directory, 'link.key_secret'));
  assert.equal(readSecretSections(join(directory, 'link')).ok, true);
  chmodSync(`${base}.key_secret`, 0o644);
  assert.equal(readSecretSections(join(directory, 'link')).ok, false);
});

const KEY = curve.publicKey;
const FAULTS: [what: string, text: string][] = [
  ['an empty file', ''],
  ['no section curve', `metadata\n    public-key = "${KEY}"\n`],
  ['a key outside any section', `    public-key = "${KEY}"\n    secret-key = "${KEY}"\n`],
  ['a short key', `curve\n    public-key = "${KEY.slice(1)}"\n    secret-key = "${KEY}"\n`],
  ['a key of more than 256 bits', `curve\n    public-key = "${'#'.repeat(40)}"\n    secret-key = "${KEY}"\n`],
  ['no secret', `curve\n    public-key = "${KEY}"\n`],
  ['binary', '\u0000\u0001\ufffd'],
];
for (const [what, text] of FAULTS) {
  test(`${what} is refused, and the file is named`, () => {
    writeFileSync(`${base}.key_secret`, text, { mode: 0o600 });
    const read = readSecretSections(base);
    assert.ok(!read.ok);
    assert.ok(read.fault.startsWith(`Cannot use the key "${base}.key_secret": its section curve has no `));
    assert.equal(read.fault.includes(KEY), false);
  });
}

test('a file that is missing, or a directory, is refused, and named', () => {
  mkdirSync(join(directory, 'dir.key'));
  for (const name of ['none', 'dir']) {
    const read = readPublicKey(join(directory, name));
    assert.ok(!read.ok);
    assert.ok(read.fault.startsWith(`Cannot read the key "${join(directory, name)}.key": `));
  }
});

test('parseSections() leaves out what it does not understand, and knows Windows line ends', () => {
  const text =
    '# comment\r\nmetadata\r\n  name = "h1"\r\ncurve\r\n\tpublic-key="x"\r\n    broken\n    = "y"\n odd = "y\n';
  const sections = parseSections(text);
  assert.deepEqual(JSON.parse(JSON.stringify(sections)), {
    metadata: { name: 'h1' },
    curve: { 'public-key': 'x' },
  });
});

test('parseSections() reads values without quotes, and comments after a value', () => {
  const sections = parseSections(
    'metadata\n    made-by = pyzmq 24 # then\n    name = "h#1" # so\n    none =\n',
  );
  assert.deepEqual({ ...sections['metadata'] }, { 'made-by': 'pyzmq 24', name: 'h#1' });
});

test('parseSections() decides about a long hostile line at once', () => {
  const started = process.cpuUsage();
  for (const line of [
    ' a=' + ' '.repeat(50_000) + '"',
    ' a=b' + ' '.repeat(50_000) + '"',
    ' '.repeat(50_000),
  ])
    parseSections(line);
  assert.ok(process.cpuUsage(started).user < 2_000_000);
});

test('parseSections() reads a section __proto__ as a section', () => {
  parseSections('__proto__\n    polluted = "yes"\nconstructor\n    polluted = "yes"\n');
  assert.equal(({} as { polluted?: string }).polluted, undefined);
  assert.equal((Object as { polluted?: string }).polluted, undefined);
});

test('parseSections() reads what formatSections() wrote', () => {
  const sections = { metadata: { name: 'h1', 'made-at': '2026' }, curve: { 'public-key': KEY } };
  assert.deepEqual(JSON.parse(JSON.stringify(parseSections(formatSections(sections)))), sections);
});

test('a write that fails leaves the old pair and no other file', () => {
  writeCertificate(base, { metadata: {}, curve });
  mkdirSync(join(directory, 'taken.key_secret'));
  const write = (name: string) => () => writeCertificate(join(directory, name), { metadata: {}, curve });
  assert.throws(write('taken'), /^Error: Cannot write .*taken\.key_secret: EISDIR/);
  assert.throws(write('none/x'), /^Error: Cannot write .*none\/x\.key_secret: ENOENT/);
  assert.deepEqual(readdirSync(directory).toSorted(), ['host.key', 'host.key_secret', 'taken.key_secret']);
  assert.equal(readSecretSections(base).ok, true);
});

test('a pair survives a loss of power: each half is synced, and after its rename the folder of the keys', () => {
  const { fsyncSync } = fs;
  const synced: string[] = [];
  fs.fsyncSync = (file) => {
    synced.push(readlinkSync(`/proc/self/fd/${file}`).slice(directory.length));
    fsyncSync(file);
  };
  syncBuiltinESMExports();
  try {
    writeCertificate(base, { metadata: {}, curve });
  } finally {
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  }
  assert.deepEqual(
    synced.map((path) => path.replace(/\.[0-9a-f]+\.tmp$/, '')),
    ['/host.key_secret', '', '/host.key', ''],
  );
});

test('pyzmq reads our certificates', { skip: noPyzmq }, () => {
  writeCertificate(base, {
    metadata: { name: 'h1' },
    curve,
    more: { ed25519: { seed: '01'.repeat(32), public: '02'.repeat(32) } },
  });
  writePublicKey(join(directory, 'server'), { metadata: {}, publicKey: KEY });
  const program = 'import sys, zmq.auth\nfor f in sys.argv[1:]: print(zmq.auth.load_certificate(f))';
  const files = [`${base}.key_secret`, `${base}.key`, join(directory, 'server.key')];
  const { stdout } = spawnSync(PYTHON, ['-c', program, ...files], { encoding: 'utf8' });
  assert.deepEqual(stdout.trim().split('\n'), [
    `(b'${curve.publicKey}', b'${curve.secretKey}')`,
    `(b'${KEY}', None)`,
    `(b'${KEY}', None)`,
  ]);
});

test('we read pyzmq’s certificates', { skip: noPyzmq }, () => {
  const program =
    'import sys, zmq.auth\nf = zmq.auth.create_certificates(sys.argv[1], "py", {"made-by": "pyzmq"})\n' +
    'for k in zmq.auth.load_certificate(f[1]): print(k.decode())';
  const { stdout } = spawnSync(PYTHON, ['-c', program, directory], { encoding: 'utf8' });
  const [publicKey, secretKey] = stdout.split('\n');
  chmodSync(join(directory, 'py.key_secret'), 0o600);
  assert.deepEqual(readPublicKey(join(directory, 'py')), { ok: true, value: publicKey });
  const secret = readSecretSections(join(directory, 'py'));
  assert.ok(secret.ok);
  assert.deepEqual(secret.value.curve, { publicKey, secretKey });
  assert.equal(secret.value.sections['metadata']?.['made-by'], 'pyzmq');
});
