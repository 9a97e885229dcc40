import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMacKey } from '@banshare/runtime';
import { Mac, makeIdentity, type Answer } from '@banshare/transport';
import { ackOf, Folder } from '../../../../test/fleet/index.ts';
import { noteAddress, takingOf } from '../../src/server/server-address.ts';
import { ServerLink } from '../../src/server/server-link.ts';
import { HandMadeServer } from '../hand-made-server.ts';

const identity = await makeIdentity();
const sync = { kind: 'sync', limit: 1 } as const;
const ack = ackOf();
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

test('A link goes by MAC from where the server says that it takes it, and notes that with the server’s key for the reporter', async () => {
  using folder = new Folder();
  const paths = pathsIn(folder);
  await using server = await HandMadeServer.start();
  const serverPublicKey = server.curve.publicKey;
  const taking = takingOf(paths, { servers: ['127.0.0.1'], serverPublicKey }, identity);
  const link = new ServerLink(server.address, identity, identity.curve, taking);
  await link.ask(ack, 10_000);
  server.answer = () => ({ status: 'OK', verdict: 'accepted', fields: { takes: 'mac' } });
  await link.ask(ack, 10_000);
  await link.ask(sync, 10_000);
  assert.deepEqual(server.sealedBy, ['signature', 'signature', 'mac']);
  assert.equal(readFileSync(paths.serverAddress, 'utf8'), `127.0.0.1 127.0.0.1 mac:${serverPublicKey}\n`);
  // A later look at the resolver keeps it, and it counts for that key alone.
  noteAddress(paths, ['server.example'], { name: 'server.example', ip: '203.0.113.1' });
  assert.ok(taking.takesMac());
  const other = { servers: ['127.0.0.1'] as const, serverPublicKey: identity.curve.publicKey };
  assert.ok(!takingOf(paths, other, identity).takesMac());
  link.close();
  const next = new ServerLink(server.address, identity, identity.curve, taking);
  await next.ask(sync, 10_000);
  assert.equal(server.sealedBy.at(-1), 'mac');
  next.close();
});

test('A server that was set back to an earlier version is signed to after one refusal, and the note is taken back', async () => {
  using folder = new Folder();
  const paths = pathsIn(folder);
  await using server = await HandMadeServer.start();
  const endpoint = { servers: ['127.0.0.1'] as const, serverPublicKey: server.curve.publicKey };
  const taking = takingOf(paths, endpoint, identity);
  taking.note(true);
  server.takesMac = false;
  const link = new ServerLink(server.address, identity, identity.curve, taking);
  assert.equal(told(await link.ask(sync, 10_000)), 'accepted');
  assert.equal(told(await link.ask(sync, 10_000)), 'accepted');
  link.close();
  assert.deepEqual(server.sealedBy, ['mac', 'signature', 'signature']);
  assert.equal(readFileSync(paths.serverAddress, 'utf8'), '127.0.0.1 127.0.0.1\n');
});

test('The key of the MACs is kept for the reporter, and anew once this host has another key', async () => {
  using folder = new Folder();
  const paths = pathsIn(folder);
  await using server = await HandMadeServer.start();
  server.answer = () => ({ status: 'OK', verdict: 'accepted', fields: { takes: 'mac' } });
  const endpoint = { servers: ['127.0.0.1'] as const, serverPublicKey: server.curve.publicKey };
  for (const each of [identity, await makeIdentity()]) {
    const link = new ServerLink(server.address, each, each.curve, takingOf(paths, endpoint, each));
    await link.ask(ack, 10_000);
    const kept = readMacKey(paths.macKey, { host: each.publicHex, server: server.curve.publicKey });
    assert.equal(kept, new Mac(each.curve.secretKey, server.curve.publicKey).keyHex);
    await link.ask(sync, 10_000);
    link.close();
  }
  assert.deepEqual(server.sealedBy, ['signature', 'mac', 'signature', 'mac']);
});

function pathsIn({ path }: Folder): { serverAddress: string; macKey: string } {
  return { serverAddress: join(path, 'server-address'), macKey: join(path, 'mac-key') };
}
