import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { rotationText, type HostName, type Request } from '@banshare/protocol';
import { hostPaths, type HostPaths } from '@banshare/runtime';
import { makeIdentity, readHostKey, SignatureChecker, writeHostKey } from '@banshare/transport';
import { comeBack, rotate, type Rotated } from '../../src/identity/rotate.ts';
import { HandMadeServer, type Answering } from '../hand-made-server.ts';
import { folder } from '../make.ts';
import { type EnrolledKey, putNextKey } from '../../src/identity/key-files.ts';

/** An enrolled host. */
async function host(root: string): Promise<{ paths: HostPaths; own: EnrolledKey }> {
  const paths = hostPaths(root);
  mkdirSync(paths.keys.dir, { recursive: true, mode: 0o700 });
  const own = { ...(await makeIdentity()), name: 'h1' as HostName };
  writeHostKey(paths.keys.host, own, own.name);
  return { paths, own };
}

function keyAt(base: string): string {
  const read = readHostKey(base);
  return read.ok ? read.value.publicHex : 'none';
}

function rotations(server: HandMadeServer): (Request & { kind: 'rotate' })[] {
  return server.asked.filter((request) => request.kind === 'rotate');
}

const nobody = (): void => undefined;
const told = (result: Rotated): string => (result.ok ? result.says : `${result.code}: ${result.reason}`);

test('rotate() asks by the old key with a proof by the next, and uses it only once it is in place', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const { paths, own } = await host(scratch.path);
  let whenAdopted: string[] = [];
  const result = await rotate(paths, server.address, ({ publicHex }) => {
    whenAdopted = [publicHex, keyAt(paths.keys.host), ...server.asked.map(({ kind }) => kind)];
  });
  assert.match(told(result), /^h1 has a new key\. The server goes by it/);
  const [asked, used] = server.asked;
  assert.ok(asked?.kind === 'rotate');
  assert.deepEqual([asked.key, used?.kind, used?.key], [own.publicHex, 'sync', asked.next]);
  assert.deepEqual(whenAdopted, [asked.next, asked.next, 'rotate']);
  const proven = Buffer.from(rotationText(asked, asked.next));
  assert.ok(new SignatureChecker().holds(asked.next, proven, Buffer.from(asked.proof, 'hex')));
  assert.deepEqual([keyAt(paths.keys.host), keyAt(paths.keys.hostBefore)], [asked.next, own.publicHex]);
  for (const base of [paths.keys.host, paths.keys.hostBefore])
    assert.equal(statSync(`${base}.key_secret`).mode & 0o777, 0o600);
});

test("rotate() asks once more by the server's time where this host's clock is wrong", async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const { paths } = await host(scratch.path);
  server.answer = ({ at }) =>
    at === server.now
      ? { status: 'OK', verdict: 'accepted' }
      : { status: 'RETRY', verdict: 'retry', code: 'clock', reason: 'too late' };
  assert.equal((await rotate(paths, server.address, nobody)).ok, true);
  const [first, second] = rotations(server);
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(second.next, first.next);
  assert.notEqual(second.id, first.id);
});

const NOES: [says: string, answer: Answering, told: RegExp, isKept: boolean][] = [
  [
    'unsupported, as by a server that knows no rotation',
    () => ({
      status: 'REFUSED',
      verdict: 'refused',
      code: 'unsupported',
      reason: 'unknown subject "rotate"',
    }),
    /^refused: the server is of an older version/,
    true,
  ],
  [
    'RETRY',
    () => ({ status: 'RETRY', verdict: 'retry', code: 'limit', reason: 'too many keys' }),
    /^no-server: too many keys\. Nothing has changed/,
    true,
  ],
  [
    'that the next key is taken',
    () => ({ status: 'REFUSED', verdict: 'refused', code: 'next', reason: 'in use already' }),
    /^refused: in use already/,
    false,
  ],
];
for (const [says, answer, wanted, isKept] of NOES) {
  test(`where rotate() is answered ${says}, the key of this host stays`, async () => {
    using scratch = folder();
    await using server = await HandMadeServer.start();
    const { paths, own } = await host(scratch.path);
    server.answer = answer;
    assert.match(told(await rotate(paths, server.address, nobody)), wanted);
    assert.equal(keyAt(paths.keys.host), own.publicHex);
    assert.equal(existsSync(`${paths.keys.hostNext}.key_secret`), isKept);
    assert.equal(existsSync(`${paths.keys.hostBefore}.key_secret`), false);
    server.answer = () => ({ status: 'OK', verdict: 'accepted' });
    assert.equal((await rotate(paths, server.address, nobody)).ok, true);
    const nexts = new Set(rotations(server).map(({ next }) => next));
    assert.equal(nexts.size, isKept ? 1 : 2);
  });
}

test('rotate() says where the server went away before it heard the new key, which is in place', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const { paths, own } = await host(scratch.path);
  server.syncAnswer = () => undefined;
  assert.match(told(await rotate(paths, server.address, nobody)), /the one before counts until it does/);
  assert.notEqual(keyAt(paths.keys.host), own.publicHex);
});

test('rotate() makes another key where the one that waits cannot be read', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const { paths } = await host(scratch.path);
  writeFileSync(`${paths.keys.hostNext}.key_secret`, 'damaged');
  assert.equal((await rotate(paths, server.address, nobody)).ok, true);
  assert.equal(existsSync(`${paths.keys.hostNext}.key_secret`), false);
});

for (const [when, answer] of [
  [
    'after the key that asked was shut out for it',
    { status: 'REFUSED', verdict: 'refused', code: 'unknown-key', reason: 'not enrolled' },
  ],
  ['and the server forgot it for the one made here', { status: 'OK', verdict: 'accepted' }],
] as const) {
  test(`where another rotation puts its key in place meanwhile, ${when}, rotate() goes by that one and says so`, async () => {
    using scratch = folder();
    await using server = await HandMadeServer.start();
    const { paths, own } = await host(scratch.path);
    const other = await makeIdentity();
    server.answer = () => {
      if (keyAt(paths.keys.host) === own.publicHex) putNextKey(paths, own, other);
      return answer;
    };
    const adopted: string[] = [];
    const result = await rotate(paths, server.address, ({ publicHex }) => adopted.push(publicHex));
    assert.match(
      told(result),
      /^h1 has a new key: another rotation put it in place meanwhile\. The server goes by/,
    );
    assert.deepEqual([keyAt(paths.keys.host), ...adopted], [other.publicHex, other.publicHex]);
    assert.equal(existsSync(`${paths.keys.hostNext}.key_secret`), false);
    assert.equal(server.asked.at(-1)?.key, other.publicHex);
    assert.equal(rotations(server).at(-1)?.next === other.publicHex, answer.status === 'OK');
  });
}

test('where the server was restored from a backup of before the last rotation, rotate() has the key before introduce this one, and goes on', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const { paths, own } = await host(scratch.path);
  const before = await makeIdentity();
  writeHostKey(paths.keys.hostBefore, before, own.name);
  server.answer = ({ key }) =>
    key === before.publicHex || rotations(server).some(({ key: asked }) => asked === before.publicHex)
      ? { status: 'OK', verdict: 'accepted' }
      : { status: 'REFUSED', verdict: 'refused', code: 'unknown-key', reason: 'not enrolled' };
  assert.match(
    told(await rotate(paths, server.address, nobody)),
    /^h1 has a new key\. The server goes by it/,
  );
  const keys = rotations(server).map(({ key }) => key);
  assert.deepEqual(keys, [own.publicHex, before.publicHex, own.publicHex]);
  assert.equal(keyAt(paths.keys.host), rotations(server).at(-1)?.next);
});

test('comeBack() takes the key that the file has by now, else has the key before introduce this one, else knows nothing', async () => {
  using scratch = folder();
  await using server = await HandMadeServer.start();
  const { paths, own } = await host(scratch.path);
  assert.equal(await comeBack(paths, server.address, own), undefined);
  const stale = { ...(await makeIdentity()), name: own.name };
  assert.equal((await comeBack(paths, server.address, stale))?.publicHex, own.publicHex);
  assert.deepEqual(server.asked, []);
  const before = await makeIdentity();
  writeHostKey(paths.keys.hostBefore, before, own.name);
  assert.equal((await comeBack(paths, server.address, own))?.publicHex, own.publicHex);
  const [asked] = rotations(server);
  assert.deepEqual([asked?.key, asked?.next], [before.publicHex, own.publicHex]);
  server.answer = () => ({ status: 'REFUSED', verdict: 'refused', code: 'unknown-key', reason: 'no' });
  assert.equal(await comeBack(paths, server.address, own), undefined);
});
