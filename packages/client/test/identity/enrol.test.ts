import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostPaths, type HostPaths } from '@banshare/runtime';
import {
  makeCurvePair,
  makeIdentity,
  readHostKey,
  writeCertificate,
  writeHostKey,
} from '@banshare/transport';
import { enrol, type Enrolment } from '../../src/identity/enrol.ts';
import { isClone, machineHash, setKeyAside } from '../../src/identity/clone.ts';
import { HandMadeServer } from '../hand-made-server.ts';
import { folder } from '../make.ts';
import { readEnrolled } from '../../src/identity/key-files.ts';

/** A host that may enrol, on a machine of that id. */
async function freshHost(root: string, machineId = 'one'): Promise<HostPaths> {
  const paths = hostPaths(root);
  mkdirSync(paths.keys.dir, { recursive: true, mode: 0o700 });
  writeFileSync(paths.machineId, `${machineId}\n`);
  await layJoinKey(paths);
  return paths;
}

async function layJoinKey(paths: HostPaths): Promise<void> {
  writeCertificate(paths.keys.join, { metadata: {}, curve: await makeCurvePair() });
}

const accept =
  (name: string): HandMadeServer['answer'] =>
  () => ({ status: 'OK', verdict: 'accepted', fields: { name } });
const told = (result: Enrolment): string =>
  result.ok ? `accepted as ${result.key.name}` : `${result.kind} ${result.code}`;
const hasJoinKey = (paths: HostPaths): boolean => existsSync(`${paths.keys.join}.key_secret`);

test('enrol() keeps the name it was given beside the key, and deletes the join key', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  server.answer = accept('web1-2');
  assert.equal(told(await enrol(paths, server.address, 'web1', ['203.0.113.7'])), 'accepted as web1-2');
  assert.equal(hasJoinKey(paths), false);
  assert.equal(existsSync(`${paths.keys.join}.key`), false);
  const enrolled = readEnrolled(paths);
  assert.equal(enrolled.ok && enrolled.value.name, 'web1-2');
  assert.equal(statSync(`${paths.keys.host}.key_secret`).mode & 0o777, 0o600);
  const [asked] = server.asked;
  assert.deepEqual(asked?.kind === 'enrol' && [asked.name, asked.addresses], ['web1', ['203.0.113.7']]);
  assert.equal(asked?.key, enrolled.ok && enrolled.value.publicHex);
});

test('enrol() asks with the same key at its second try, and keeps the join key until it is accepted', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  server.answer = () => ({
    status: 'REFUSED',
    verdict: 'refused',
    code: 'name-taken',
    reason: 'another host',
  });
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'no name-taken');
  assert.ok(hasJoinKey(paths));
  assert.equal(readEnrolled(paths).ok, false);
  server.answer = () => ({ status: 'OK', verdict: 'pending' });
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'wait pending');
  assert.ok(hasJoinKey(paths));
  server.answer = accept('web1');
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'accepted as web1');
  assert.equal(new Set(server.asked.map(({ key }) => key)).size, 1);
});

test('enrol() does not write over the key that this host went over to while the server was asked', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  server.answer = accept('web1');
  const first = await enrol(paths, server.address, 'web1', []);
  assert.ok(first.ok);
  await layJoinKey(paths);
  const next = await makeIdentity();
  server.answer = (request) => {
    // As a daemon does that rotates at this moment.
    writeHostKey(paths.keys.host, next, first.key.name);
    return accept('web1-2')(request);
  };
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'wait key-changed');
  const enrolled = readEnrolled(paths);
  assert.deepEqual(enrolled.ok && [enrolled.value.publicHex, enrolled.value.name], [next.publicHex, 'web1']);
});

test('enrol() is told no where the server does not admit the join key', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  server.admission = 'refuse';
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'no not-admitted');
  assert.ok(hasJoinKey(paths));
});

test('enrol() takes an accepted answer without a good name for no acceptance', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  for (const name of [undefined, 7, '', 'a b', '"\nseed = "']) {
    server.answer = () => ({ status: 'OK', verdict: 'accepted', fields: { name } });
    assert.equal((await enrol(paths, server.address, 'web1', [])).ok, false);
  }
  assert.ok(hasJoinKey(paths));
});

test('enrol() refuses a name that no server would take, and says where to set another', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const result = await enrol(await freshHost(scratch.path), server.address, 'my host', []);
  assert.match(result.ok ? '' : result.reason, /set name in client\.toml/);
  assert.deepEqual(server.asked, []);
});

test('enrol() never replaces a host key that it cannot read', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  server.answer = accept('web1');
  await enrol(paths, server.address, 'web1', []);
  await layJoinKey(paths);
  const file = `${paths.keys.host}.key_secret`;
  const before = readFileSync(file, 'utf8');
  chmodSync(file, 0o640);
  const result = await enrol(paths, server.address, 'web1', []);
  assert.match(result.ok ? '' : result.reason, /must be 0600, it is 0640/);
  assert.equal(readFileSync(file, 'utf8'), before);
  writeFileSync(file, 'damaged');
  chmodSync(file, 0o600);
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'no host-key');
  assert.equal(readFileSync(file, 'utf8'), 'damaged');
  assert.equal(server.asked.length, 1);
});

test('enrol() without a join key asks by the key of this host, without a proof', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = hostPaths(scratch.path);
  server.answer = accept('web1');
  server.admission = 'refuse';
  const result = await enrol(paths, server.address, 'web1', []);
  assert.equal(told(result), 'wait not-admitted');
  assert.match(result.ok ? '' : result.reason, /echo "web1 [0-9a-f]{64}" \| banshare-server hosts admit -/);
  server.admission = 'admit';
  assert.equal(told(await enrol(paths, server.address, 'web1', [])), 'accepted as web1');
  const [asked] = server.asked;
  assert.equal(asked?.kind === 'enrol' && asked.join, undefined);
});

test('A key made on another machine is a clone, is set aside, and the host enrols with another', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const paths = await freshHost(scratch.path);
  server.answer = accept('web1');
  await enrol(paths, server.address, 'web1', []);
  assert.equal(isClone(paths, machineHash(paths.machineId)), false);
  writeFileSync(paths.machineId, 'two\n');
  assert.equal(isClone(paths, machineHash(paths.machineId)), true);
  setKeyAside(paths);
  // Killed here, the next start finds the note of the other machine once more.
  setKeyAside(paths);
  assert.equal(readHostKey(`${paths.keys.host}-of-the-original`).ok, true);
  await layJoinKey(paths);
  await enrol(paths, server.address, 'web1', []);
  assert.equal(isClone(paths, machineHash(paths.machineId)), false);
  assert.equal(new Set(server.asked.map(({ key }) => key)).size, 2);
});

test('A machine without an id, or a key without a note, is never taken for a clone', async () => {
  using scratch = folder();
  const paths = await freshHost(scratch.path);
  assert.equal(machineHash(join(scratch.path, 'none')), undefined);
  writeFileSync(join(scratch.path, 'empty'), '\n');
  assert.equal(machineHash(join(scratch.path, 'empty')), undefined);
  assert.equal(isClone(paths, machineHash(paths.machineId)), false);
  writeFileSync(paths.keys.machine, 'other\n');
  assert.equal(isClone(paths, undefined), false);
});

test('The note of the machine does not tell its id', async () => {
  using scratch = folder();
  const { machineId } = await freshHost(scratch.path, '0123456789abcdef0123456789abcdef');
  assert.match(machineHash(machineId) ?? '', /^[0-9a-f]{64}$/);
});
