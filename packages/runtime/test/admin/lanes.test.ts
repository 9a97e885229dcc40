import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { askAdmin, serveAdmin, type AskedRequest } from '@banshare/runtime';
import { socketPath } from './serving.ts';

/** A socket that answers two questions at once, each of them when the test has it done. */
async function slowly(path: string, result: unknown = null) {
  const begun: AskedRequest[] = [];
  const done: (() => void)[] = [];
  const ending = new AbortController();
  const opened = await serveAdmin({
    path,
    atOnce: { most: 2, isLight: ({ args }) => args['wait'] !== undefined },
    handle: async (request) => {
      begun.push(request);
      await new Promise<void>((resolve) => done.push(resolve));
      return { ok: true, result };
    },
    signal: ending.signal,
  });
  assert.ok(opened.ok);
  return { begun, done, close: () => opened.value.close() };
}

/** Gives what was sent the time to arrive: another socket's question, sent later, is answered. */
async function arrived(path: string): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await askAdmin(path, { command: 'wait', args: [] as never }, 5000);
}

test('serveAdmin() begins so many questions at once, the next when whoever asked has an answer, and all of those that cost little', async (t) => {
  const path = socketPath(t);
  const { begun, done, close } = await slowly(path);
  t.after(close);
  const ask = (command: string, args = {}) => askAdmin(path, { command, args }, 10_000);
  const asked = ['one', 'two', 'three', 'four'].map((command) => ask(command));
  const waiting = Array.from({ length: 5 }, () => ask('news', { wait: 20 }));
  await arrived(path);
  const names = () => begun.map(({ command }) => command).filter((command) => command !== 'news');
  assert.deepEqual(names(), ['one', 'two']);
  assert.equal(begun.length, 7);
  done[begun.findIndex(({ command }) => command === 'two')]?.();
  assert.ok((await asked[1])?.ok);
  await arrived(path);
  assert.deepEqual(names(), ['one', 'two', 'three']);
  for (let at = 0; at < begun.length || names().length < 4; at += 1) {
    done[at]?.();
    await arrived(path);
  }
  for (const reply of await Promise.all([...asked, ...waiting])) assert.ok(reply.ok);
});

test('serveAdmin() keeps no room for whoever leaves his answer unread, and asks again', async (t) => {
  const path = socketPath(t);
  const { begun, done, close } = await slowly(path, 'x'.repeat(4_000_000));
  t.after(close);
  const unread = [connect(path), connect(path), connect(path)];
  for (const peer of unread) {
    await once(peer, 'connect');
    peer.pause().write('{"command":"x"}\n');
  }
  await arrived(path);
  for (const each of done) each();
  await arrived(path);
  assert.equal(begun.length, 2);
  for (const peer of unread) peer.destroy();
});
