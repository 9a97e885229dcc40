import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { untilAnswered } from '../../../../test/fleet/within.ts';
import { serving, socketPath } from './serving.ts';
import { askAdmin, serveAdmin } from '@banshare/runtime';

/** What comes back for raw bytes; `end` closes our side after them. */
async function raw(path: string, bytes: string | Buffer, end: boolean): Promise<string> {
  const peer = connect(path);
  await once(peer, 'connect');
  peer.on('error', () => {});
  if (end) peer.end(bytes);
  else peer.write(bytes);
  let text = '';
  peer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(peer, 'close');
  return text;
}

/** A socket that a daemon left behind which was killed. */
async function leaveBehind(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const dead = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log())`,
  ]);
  await once(dead.stdout, 'data');
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  assert.ok(existsSync(path));
}

test('askAdmin() brings a request to serveAdmin() and its answer back', async (t) => {
  const path = socketPath(t);
  await serving(t, path, (request) => ({ ok: true, result: request }));
  assert.deepEqual(await askAdmin(path, { command: 'bans', args: { jail: 'sshd' } }, 2000), {
    ok: true,
    result: { command: 'bans', args: { jail: 'sshd' } },
  });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
});

test('serveAdmin() carries an answer of 100,000 bans', async (t) => {
  const path = socketPath(t);
  const bans = Array.from({ length: 100_000 }, (_, n) => ({
    ip: '203.0.113.9',
    prog: 'fail2ban',
    jail: 'sshd',
    n,
  }));
  await serving(t, path, () => ({ ok: true, result: bans }));
  assert.deepEqual(await askAdmin(path, { command: 'bans' }, 20_000), { ok: true, result: bans });
});

test('serveAdmin() answers a peer that closes its own side first', async (t) => {
  const path = socketPath(t);
  await serving(t, path, async () => ({ ok: true, result: await Promise.resolve(1) }));
  assert.equal(await raw(path, '{"command":"x"}\n', true), '{"ok":true,"result":1}\n');
});

test('serveAdmin() works below a root deeper than a socket path may be', async (t) => {
  const path = socketPath(t, 'd'.repeat(120));
  const socket = await serving(t, path, () => ({ ok: true, result: 1 }));
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: 1 });
  await socket.close();
  assert.equal(existsSync(path), false);
});

const rude: [what: string, bytes: string | Buffer, code: string][] = [
  ['no JSON', 'hello\n', 'malformed'],
  ['a list', '[]\n', 'malformed'],
  ['no command', '{}\n', 'malformed'],
  ['a command that is no text', '{"command":1}\n', 'malformed'],
  ['arguments that are no object', '{"command":"x","args":[1]}\n', 'malformed'],
  ['binary', Buffer.from([0, 255, 254, 10]), 'malformed'],
  ['a line that is too long', Buffer.alloc(600_000, 'x'), 'too-long'],
];
for (const [what, bytes, code] of rude) {
  test(`serveAdmin() refuses ${what}`, async (t) => {
    const path = socketPath(t);
    await serving(t, path, () => ({ ok: true, result: 1 }));
    assert.equal((JSON.parse(await raw(path, bytes, false)) as { code?: string }).code, code);
  });
}

test('serveAdmin() closes on a peer that ends without a line', async (t) => {
  const path = socketPath(t);
  await serving(t, path, () => ({ ok: true, result: 1 }));
  assert.equal(await raw(path, '{"command"', true), '');
});

test('serveAdmin() tells of an error in the handler and goes on', async (t) => {
  const path = socketPath(t);
  let calls = 0;
  await serving(t, path, () => {
    if (calls++ === 0) throw new Error('ledger is closed');
    return { ok: true, result: calls };
  });
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), {
    ok: false,
    code: 'internal',
    reason: 'ledger is closed',
  });
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: 2 });
});

test('serveAdmin() serves others while peers send nothing, and closes although they stay', async (t) => {
  const path = socketPath(t);
  const socket = await serving(t, path, () => ({ ok: true, result: 1 }));
  const silent = Array.from({ length: 20 }, () => connect(path));
  const gone = silent.map((peer) => once(peer, 'close'));
  await Promise.all(silent.map((peer) => once(peer, 'connect')));
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: 1 });
  await socket.close();
  await Promise.all(gone);
  assert.equal(existsSync(path), false);
});

test('serveAdmin() replaces the socket of a daemon that was killed', async (t) => {
  const path = socketPath(t);
  await leaveBehind(path);
  await serving(t, path, () => ({ ok: true, result: 'new' }));
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: 'new' });
});

test('serveAdmin() lets one alone of several that begin at once replace the socket of a daemon that was killed', async (t) => {
  const path = socketPath(t);
  await leaveBehind(path);
  const ended = new AbortController();
  t.after(() => ended.abort());
  const begun = await Promise.all(
    Array.from({ length: 5 }, (_, n) =>
      serveAdmin({ path, handle: () => ({ ok: true, result: n }), signal: ended.signal }),
    ),
  );
  const [only, ...others] = begun.flatMap(({ ok }, n) => (ok ? [n] : []));
  assert.deepEqual(others, []);
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: only });
  for (const each of begun) if (!each.ok) assert.match(each.fault, /another daemon answers there/);
});

test('serveAdmin() leaves the socket of a living daemon alone', async (t) => {
  const path = socketPath(t);
  await serving(t, path, () => ({ ok: true, result: 'first' }));
  const second = await serveAdmin({
    path,
    handle: () => ({ ok: true, result: 'second' }),
    signal: new AbortController().signal,
  });
  assert.equal(second.ok, false);
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: 'first' });
});

test('serveAdmin() does not replace a file that is no socket', async (t) => {
  const path = socketPath(t);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'precious');
  const served = await serveAdmin({
    path,
    handle: () => ({ ok: true, result: 1 }),
    signal: new AbortController().signal,
  });
  assert.equal(served.ok, false);
  assert.equal(statSync(path).size, 8);
});

test('serveAdmin() says why it cannot listen', async (t) => {
  const path = socketPath(t);
  mkdirSync(dirname(dirname(path)), { recursive: true });
  writeFileSync(dirname(path), 'a file where a directory should be');
  const signal = new AbortController().signal;
  const served = await serveAdmin({ path, handle: () => ({ ok: true, result: 1 }), signal });
  assert.match(served.ok ? '' : served.fault, /^Cannot listen at .*admin\.sock: /);
});

test('serveAdmin() does not stay open where it was stopped meanwhile', async (t) => {
  const path = socketPath(t);
  const served = await serveAdmin({
    path,
    handle: () => ({ ok: true, result: 1 }),
    signal: AbortSignal.abort(),
  });
  assert.equal(served.ok, true);
  assert.equal(existsSync(path), false);
});

test('serveAdmin() listens again where its socket was cleared away, and who asks meanwhile is answered', async (t) => {
  const path = socketPath(t);
  const answer = Promise.withResolvers<number>();
  const asked = Promise.withResolvers<void>();
  const socket = await serving(t, path, async () => {
    asked.resolve();
    return { ok: true, result: await answer.promise };
  });
  const underWay = askAdmin(path, { command: 'x' }, 20_000);
  const folder = dirname(dirname(path));
  await asked.promise;
  rmSync(folder, { recursive: true });
  // A watcher of folders that are made anew may miss what is laid into them before it looks there.
  const isBack = async (): Promise<true | undefined> => existsSync(path) || undefined;
  await untilAnswered(isBack, 20_000, () => 'the socket to be back');
  answer.resolve(1);
  assert.deepEqual(await underWay, { ok: true, result: 1 });
  assert.deepEqual(await askAdmin(path, { command: 'x' }, 2000), { ok: true, result: 1 });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await socket.close();
  assert.equal(existsSync(path), false);
});
