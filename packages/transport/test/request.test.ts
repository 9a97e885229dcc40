import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { curveKeyPair } from 'zeromq';
import { encodeReply } from '@banshare/protocol';
import { takePort } from '../../../test/fleet/ports.ts';
import { portOf, Requester, type Answer } from '../src/index.ts';
import { closing, openServer } from './closing.ts';
import { accept, Doorman, knock, request, type Responder } from './doors.ts';

const server = curveKeyPair();
const host = curveKeyPair();
const doorman = new Doorman();

before(() => doorman.stand());
after(() => doorman.leave());

function askerAt(endpoint: string): Requester {
  return closing(new Requester({ endpoint, serverKey: server.publicKey, curve: host }));
}

function ask(asker: Requester, timeoutMs = 5000): Promise<Answer> {
  return asker.request(request(server.publicKey), timeoutMs);
}

test('request() gives the server’s answer, again and again over one connection', async () => {
  doorman.knocks.length = 0;
  const { endpoint } = await openServer(server);
  const asker = askerAt(endpoint);
  asker.connect();
  for (let count = 0; count < 50; count += 1) {
    const answer = await ask(asker);
    assert.ok(answer.ok);
    assert.equal(answer.reply.verdict, 'accepted');
  }
  assert.equal(doorman.knocks.length, 1);
});

test("request() takes no answer above 8 MiB, which would fill the memory of root's reporter", async () => {
  const { endpoint } = await openServer(server, (_, id) => [id, 'x'.repeat(8 * 1024 * 1024 + 1)]);
  const answer = await ask(askerAt(endpoint), 2000);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.fault, answer.reason], ['unreachable', `no answer from ${endpoint} within 2.0 s`]);
});

test('request() leaves no timer behind, and fails when a second one is begun meanwhile', async () => {
  const { endpoint } = await openServer(server);
  const asker = askerAt(endpoint);
  const timersBefore = timers();
  const first = ask(asker);
  await assert.rejects(ask(asker), /while another request waits/);
  assert.equal((await first).ok, true);
  assert.equal((await ask(asker)).ok, true);
  assert.equal(timers(), timersBefore);
});

test('request() says not-admitted long before the time is over, also when the refusal came first', async () => {
  const { endpoint } = await openServer(server);
  doorman.rule = () => 'refuse';
  const asker = askerAt(endpoint);
  assert.deepEqual(await ask(asker), {
    ok: false,
    fault: 'not-admitted',
    reason: 'the server does not admit this key',
  });
  const refused = new Promise<void>((resolve) => {
    doorman.rule = () => {
      resolve();
      return 'refuse';
    };
  });
  asker.connect();
  await refused;
  // Whoever knocks after it is told after it: the refusal has come by then.
  assert.equal(await knock(endpoint, server.publicKey), 'refused');
  const answer = await ask(asker);
  assert.equal(!answer.ok && answer.fault, 'not-admitted');
  doorman.rule = () => 'admit';
  assert.equal((await ask(asker)).ok, true, 'the next request knocks again');
});

test('request() is unreachable in time where nobody listens, and where somebody does but is silent', async () => {
  const silent = closing(createServer().listen(0, '127.0.0.1'));
  await once(silent, 'listening');
  const silentPort = (silent.address() as { port: number }).port;
  for (const port of [silentPort, takePort()]) {
    const asker = askerAt(`tcp://127.0.0.1:${port}`);
    const begun = performance.now();
    const reason = `no answer from tcp://127.0.0.1:${port} within 0.3 s`;
    assert.deepEqual(await ask(asker, 300), { ok: false, fault: 'unreachable', reason });
    assert.ok(performance.now() - begun < 10_000);
  }
});

test('request() is unreachable at a server with another key', async () => {
  const { endpoint } = await openServer(curveKeyPair());
  const asker = askerAt(endpoint);
  const answer = await ask(asker, 400);
  assert.equal(!answer.ok && answer.fault, 'unreachable');
});

test('an answer that comes too late is not taken for that of the next request', async () => {
  let answerLate: (() => void) | undefined;
  const { endpoint } = await openServer(server, (incoming, id) => {
    if (answerLate !== undefined) return accept(incoming, id);
    answerLate = () => undefined;
    return undefined;
  });
  const asker = askerAt(endpoint);
  const first = await ask(asker, 300);
  assert.equal(!first.ok && first.fault, 'unreachable');
  const second = request(server.publicKey);
  const answer = await asker.request(second, 5000);
  assert.ok(answer.ok);
  assert.equal(answer.reply.id, second.id);
});

const UNREADABLE: [what: string, respond: Responder][] = [
  ['one frame', () => ['OK']],
  ['no JSON', () => ['OK', 'accepted']],
  ['an unknown status', () => ['MAYBE', '{}']],
  ['the id of another request', (incoming) => accept(incoming, 'f'.repeat(32))],
  ['no id, though it was accepted', (incoming) => accept(incoming, '')],
];
for (const [what, respond] of UNREADABLE) {
  test(`an answer with ${what} is unreadable, and does not spoil the next request`, async () => {
    let count = 0;
    const { endpoint } = await openServer(server, (incoming, id) => {
      count += 1;
      return count === 1 ? respond(incoming, id) : accept(incoming, id);
    });
    const asker = askerAt(endpoint);
    const answer = await ask(asker);
    assert.equal(!answer.ok && answer.fault, 'unreadable');
    assert.equal((await ask(asker)).ok, true);
  });
}

test('a refusal without an id is an answer: the server could not read so far', async () => {
  const { endpoint } = await openServer(server, () =>
    encodeReply({ status: 'REFUSED', id: '', now: 1, verdict: 'refused', code: 'size', reason: 'too long' }),
  );
  const asker = askerAt(endpoint);
  const answer = await ask(asker);
  assert.ok(answer.ok);
  assert.equal(answer.reply.code, 'size');
});

test('after a restart with the same key the server is found again, with another key it is not', async () => {
  const first = await openServer(server);
  const asker = askerAt(first.endpoint);
  assert.equal((await ask(asker)).ok, true);
  first.close();
  const second = await openServer(server, accept, portOf(first.endpoint));
  // The one request that is on its way when a server dies is lost with it, and says so in its time.
  const lost = await ask(asker, 1000);
  assert.equal(lost.ok || (await ask(asker)).ok, true);
  second.close();
  const stranger = await openServer(curveKeyPair(), accept, portOf(first.endpoint));
  const answer = await ask(asker, 600);
  assert.equal(!answer.ok && answer.fault, 'unreachable');
  stranger.close();
  await openServer(server, accept, portOf(first.endpoint));
  assert.equal((await ask(asker)).ok, true);
});

test('close() ends a waiting request, and a later one connects anew', async () => {
  let isSilent = true;
  const arrived = Promise.withResolvers<void>();
  const { endpoint } = await openServer(server, (incoming, id) => {
    arrived.resolve();
    return isSilent ? undefined : accept(incoming, id);
  });
  const asker = askerAt(endpoint);
  const waiting = ask(asker);
  await arrived.promise;
  isSilent = false;
  asker.close();
  const next = ask(asker);
  const ended = await waiting;
  assert.equal(!ended.ok && ended.fault, 'unreachable');
  assert.equal((await next).ok, true, 'the end of the old one leaves the new connection alone');
});

test('a process that has its answer, or none, ends by itself', async () => {
  const { endpoint } = await openServer(server);
  const program = fileURLToPath(new URL('ask-once.ts', import.meta.url));
  const silent = closing(createServer().listen(0, '127.0.0.1'));
  await once(silent, 'listening');
  const nobody = `tcp://127.0.0.1:${(silent.address() as { port: number }).port}`;
  for (const [at, expected, withinMs] of [
    [endpoint, 'accepted', 20_000],
    [nobody, 'unreachable', 500],
  ] as const) {
    const words = [program, at, server.publicKey, String(withinMs)];
    const asked = promisify(execFile)(process.execPath, words, { timeout: 60_000 });
    assert.equal((await asked).stdout.trim(), expected);
  }
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}
