import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { curveKeyPair } from 'zeromq';
import { encodeReply } from '@banshare/protocol';
import { Pipeline, portOf, readIncoming, ReportPort, type Answer } from '../src/index.ts';
import { closing, openServer } from './closing.ts';
import { accept, Doorman, onLoopback, request } from './doors.ts';

const server = curveKeyPair();
const host = curveKeyPair();
const doorman = new Doorman();

before(() => doorman.stand());
after(() => doorman.leave());

function askerAt(endpoint: string): Pipeline {
  return closing(new Pipeline({ endpoint, serverKey: server.publicKey, curve: host }));
}

function asked(asker: Pipeline, count: number, timeoutMs = 5000): Promise<Answer>[] {
  return Array.from({ length: count }, () => asker.request(request(server.publicKey), timeoutMs));
}

const faultsOf = (answers: readonly Answer[]): Set<string> =>
  new Set(answers.map((answer) => (answer.ok ? 'ok' : answer.fault)));

test('Pipeline has many requests under way over one connection, and gives each its own answer in any order', async () => {
  doorman.knocks.length = 0;
  const port = closing(new ReportPort());
  const endpoint = await port.listen(onLoopback('report', server));
  const asker = askerAt(endpoint);
  const messages = Array.from({ length: 64 }, () => request(server.publicKey));
  const answers = messages.map((message) => asker.request(message, 5000));
  const incoming = [];
  while (incoming.length < messages.length) {
    const read = readIncoming((await port.receive()) ?? []);
    assert.ok(!('fault' in read));
    incoming.push(read);
  }
  for (const { envelope, body } of incoming.toReversed())
    await port.answer(envelope, accept({} as never, (JSON.parse(body) as { id: string }).id));
  const ids = (await Promise.all(answers)).map((answer) => answer.ok && answer.reply.id);
  assert.deepEqual(
    ids,
    messages.map(({ id }) => id),
  );
  assert.equal(doorman.knocks.length, 1);
});

test('Pipeline loses no answer where a server answers 64 requests of one connection at once, again and again', async () => {
  const port = closing(new ReportPort());
  const asker = askerAt(await port.listen(onLoopback('report', server)));
  for (let round = 0; round < 40; round += 1) {
    const answers = asked(asker, 64);
    const sent = [];
    for (let count = 0; count < 64; count += 1) {
      const read = readIncoming((await port.receive()) ?? []);
      assert.ok(!('fault' in read));
      sent.push(read);
    }
    for (const { envelope, body } of sent)
      void port.answer(envelope, accept({} as never, (JSON.parse(body) as { id: string }).id));
    assert.deepEqual(faultsOf(await Promise.all(answers)), new Set(['ok']), `round ${round}`);
  }
});

test('Pipeline tells all that are under way, and all that come, that the server does not admit this key', async () => {
  const { endpoint } = await openServer(server);
  doorman.rule = () => 'refuse';
  const asker = askerAt(endpoint);
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 5))), new Set(['not-admitted']));
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 2))), new Set(['not-admitted']));
  doorman.rule = () => 'admit';
  asker.close();
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 3))), new Set(['ok']));
});

test('Pipeline leaves each request its own time, and goes on after a server that was away', async () => {
  const first = await openServer(server, () => undefined);
  const asker = askerAt(first.endpoint);
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 5, 300))), new Set(['unreachable']));
  first.close();
  await openServer(server, accept, portOf(first.endpoint));
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 5))), new Set(['ok']));
});

test('Pipeline takes a refusal without an id for the only request under way, and of several for nobody’s', async () => {
  const refusal = encodeReply({ status: 'REFUSED', id: '', now: 1, verdict: 'refused', code: 'size' });
  const { endpoint } = await openServer(server, () => refusal);
  const asker = askerAt(endpoint);
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 1))), new Set(['ok']));
  assert.deepEqual(faultsOf(await Promise.all(asked(asker, 3))), new Set(['unreadable']));
});

test('Pipeline ends what is under way when it is closed, and refuses the same request twice at once', async () => {
  const { endpoint } = await openServer(server, () => undefined);
  const asker = askerAt(endpoint);
  const message = request(server.publicKey);
  const answer = asker.request(message, 5000);
  assert.throws(() => asker.request(message, 5000), /the same twice/);
  asker.close();
  assert.deepEqual(faultsOf([await answer]), new Set(['unreachable']));
});
