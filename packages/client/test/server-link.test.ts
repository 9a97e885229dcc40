import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeIdentity, type Answer } from '@banshare/transport';
import { ServerLink } from '../src/server-link.ts';
import { HandMadeServer } from './hand-made-server.ts';

const identity = await makeIdentity();
const sync = { kind: 'sync', limit: 1 } as const;
const told = (answer: Answer): string => (answer.ok ? answer.reply.verdict : answer.reason);

test('Requests that are asked at once go out one after the other, each with an id of its own', async () => {
  await using server = await HandMadeServer.start();
  const link = new ServerLink(server.address, identity);
  const answers = await Promise.all([1, 2, 3].map(() => link.ask(sync, 10_000)));
  link.close();
  assert.deepEqual(answers.map(told), ['accepted', 'accepted', 'accepted']);
  assert.equal(new Set(server.asked.map(({ id }) => id)).size, 3);
  assert.ok(server.asked.every(({ key, to }) => key === identity.publicHex && to === server.curve.publicKey));
});

test('After an answer that never came the next request is answered', async () => {
  await using server = await HandMadeServer.start();
  const link = new ServerLink(server.address, identity);
  server.syncAnswer = () => undefined;
  const silent = link.ask(sync, 200);
  assert.match(told(await silent), /no answer/);
  server.syncAnswer = (_request, honest) => honest();
  assert.equal(told(await link.ask(sync, 10_000)), 'accepted');
  link.close();
});

test('Closed while one request waits for its answer and another for its turn, both end and none connects again', async () => {
  await using server = await HandMadeServer.start();
  const link = new ServerLink(server.address, identity);
  server.syncAnswer = () => undefined;
  const both = [link.ask(sync, 60_000), link.ask(sync, 60_000)];
  await Promise.resolve();
  link.close();
  assert.equal((await both[0])?.ok, false);
  assert.equal(told((await both[1]) as Answer), 'the connection is closed');
  assert.equal(told(await link.ask(sync, 60_000)), 'the connection is closed');
});
