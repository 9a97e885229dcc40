import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { askAdmin, type AdminReply } from '@banshare/runtime';
import { serving, socketPath } from './serving.ts';

test('askAdmin() says that there is no daemon', async (t) => {
  const path = socketPath(t);
  const missing = await askAdmin(path, { command: 'x' }, 2000);
  assert.equal(missing.ok ? '' : missing.code, 'no-daemon');
  const deep = await askAdmin(socketPath(t, 'd'.repeat(120)), { command: 'x' }, 2000);
  assert.equal(deep.ok ? '' : deep.code, 'no-daemon');
});

test('askAdmin() gives up on a daemon that does not answer', async (t) => {
  const path = socketPath(t);
  await serving(t, path, () => new Promise<AdminReply>(() => {}));
  const reply = await askAdmin(path, { command: 'x' }, 50);
  assert.equal(reply.ok ? '' : reply.code, 'no-answer');
});

test('askAdmin() says who may open the socket', async (t) => {
  const path = socketPath(t);
  await serving(t, path, () => ({ ok: true, result: 1 }));
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  else chmodSync(path, 0);
  const reply = await askAdmin(path, { command: 'x' }, 2000);
  if (root) process.seteuid?.(0);
  assert.equal(reply.ok ? '' : reply.code, 'no-permission');
});

test('askAdmin() takes no answer without an end, with which a server that was taken over fills memory', async (t) => {
  const path = socketPath(t);
  mkdirSync(dirname(path), { recursive: true });
  const endless = createServer((peer) => {
    peer.on('error', () => {});
    Readable.from(
      (function* () {
        while (true) yield Buffer.alloc(65_536, 'x');
      })(),
    ).pipe(peer);
  }).listen(path);
  t.after(() => endless.close());
  await once(endless, 'listening');
  const reply = await askAdmin(path, { command: 'status' }, 30_000, 1_000_000);
  assert.match(reply.ok ? '' : reply.reason, /answers without an end/);
});

test('askAdmin() says of a daemon that ends while it is asked that it ended, whenever in between', async (t) => {
  const path = socketPath(t);
  mkdirSync(dirname(path), { recursive: true });
  const ending = createServer((peer) => {
    peer.on('error', () => {});
    peer.destroy();
  }).listen(path);
  t.after(() => ending.close());
  await once(ending, 'listening');
  for (let asked = 0; asked < 50; asked += 1) {
    const reply = await askAdmin(path, { command: 'status' }, 2000);
    assert.match(reply.ok ? '' : reply.reason, /was just ending/);
  }
});
