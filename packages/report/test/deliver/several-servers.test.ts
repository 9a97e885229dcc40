import { after, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeReply, parseRequest, type HostName, type Reply } from '@banshare/protocol';
import {
  answerZap,
  makeCurvePair,
  makeIdentity,
  readIncoming,
  ReportPort,
  writeHostKey,
} from '@banshare/transport';
import { assertInTime, Folder, runProgram, takePort, type Ran } from '../../../../test/fleet/index.ts';
import { layHostRoot, serverLines } from '../../../../test/fleet/roots.ts';

/** What a server of this test answers; undefined is silence. */
type Answer = Pick<Reply, 'status' | 'verdict'> & Partial<Reply>;
type Answering = () => Answer | undefined | Promise<Answer>;

const ACCEPTED: Answer = { status: 'OK', verdict: 'accepted' };
const CANNOT_WRITE: Answer = {
  status: 'RETRY',
  verdict: 'retry',
  code: 'ledger',
  reason: 'its database is away',
};
const UNKNOWN: Answer = { status: 'REFUSED', verdict: 'refused', code: 'unknown-key', reason: 'who is that' };
const silent: Answering = () => undefined;

const zap = await answerZap(() => 'admit');
const curve = await makeCurvePair();
const shared = takePort();

/** A report port of one of the servers: they have one key and one port, each at its own address. */
class Server {
  answer: Answering = () => ACCEPTED;
  readonly asked: string[] = [];
  readonly address: string;
  readonly #port = new ReportPort();

  constructor(address: string) {
    this.address = address;
  }

  async open(): Promise<this> {
    await this.#port.listen({ domain: 'report', curve, address: this.address, port: shared });
    void this.#serve();
    return this;
  }

  close(): void {
    this.#port.close();
  }

  async #serve(): Promise<void> {
    for (;;) {
      const frames = await this.#port.receive();
      if (frames === undefined) return;
      const incoming = readIncoming(frames);
      if ('fault' in incoming) continue;
      const request = parseRequest(incoming.subject, incoming.body);
      if (!request.ok) continue;
      const { id } = request.value;
      this.asked.push(id);
      void Promise.resolve(this.answer()).then((answer) => {
        if (answer === undefined) return;
        void this.#port.answer(incoming.envelope, encodeReply({ id, now: Date.now() / 1000, ...answer }));
      });
    }
  }
}

const [first, second] = [await new Server('127.0.0.1').open(), await new Server('127.0.0.2').open()];
/** Nobody listens there. */
const GONE = '127.0.0.3';
const folder = new Folder();
after(() => {
  zap.close();
  for (const server of [first, second]) server.close();
  folder[Symbol.dispose]();
});

const paths = layHostRoot(folder.path, '');
writeHostKey(paths.keys.host, await makeIdentity(), 'h1' as HostName);
mkdirSync(dirname(paths.serverAddress), { recursive: true });
/** The reporter waits so long for one server before it asks the next as well, and for all of them together. */
const [STEP_MS, ALL_MS] = [400, 2000];

beforeEach(() => {
  for (const server of [first, second]) {
    server.answer = () => ACCEPTED;
    server.asked.length = 0;
  }
  rmSync(paths.spool, { recursive: true, force: true });
  rmSync(paths.serverAddress, { force: true });
  know(first.address, second.address);
});

/** The servers of client.toml, in that order. */
function know(...servers: string[]): void {
  const keys = { server: curve, join: curve };
  writeFileSync(paths.clientConfig, serverLines({ report: shared, publish: 2 }, keys, servers));
}

function report(...words: string[]): Promise<Ran> {
  return runProgram('report', ['--root', folder.path, ...words, 'fail2ban', 'sshd', '203.0.113.9']);
}

function spooled(): string[] {
  return existsSync(paths.spool) ? readdirSync(paths.spool).filter((name) => name.endsWith('.json')) : [];
}

/** A report that reached a server: nothing is said, nothing is kept, and it took about so long. */
async function assertDelivered({ code, stderr, ms }: Ran, waitedMs: number): Promise<void> {
  assert.deepEqual([code, stderr, spooled()], [0, '', []]);
  assert.ok(ms > waitedMs, `${ms} ms`);
  await assertInTime(ms, waitedMs);
}

/** Nothing was asked of a server, where the one before answered in time: on a busy machine it may not have. */
function assertUnasked({ asked }: Server, { ms }: Ran): void {
  assert.ok(asked.length === 0 || ms > STEP_MS, `${asked.length} were asked within ${ms} ms`);
}

test('a report goes to the server that the client uses, and to no other', async () => {
  const ran = await report();
  await assertDelivered(ran, 0);
  assert.equal(first.asked.length, 1);
  assertUnasked(second, ran);
  writeFileSync(paths.serverAddress, `127.0.0.2 127.0.0.2 next:127.0.0.1=127.0.0.1\n`, { mode: 0o600 });
  for (const server of [first, second]) server.asked.length = 0;
  const next = await report();
  await assertDelivered(next, 0);
  assert.equal(second.asked.length, 1);
  assertUnasked(first, next);
});

test('a report whose server says nothing for 400 ms goes to the next as well, with the same id', async () => {
  first.answer = silent;
  await assertDelivered(await report(), STEP_MS);
  assert.deepEqual(second.asked, first.asked);
  assert.equal(second.asked.length, 1);
  first.asked.length = 0;
  await assertDelivered(await report('--unban'), STEP_MS);
  assert.deepEqual(second.asked.slice(1), first.asked);
});

test('a report goes past servers where nobody listens', async () => {
  know(GONE, first.address);
  await assertDelivered(await report(), STEP_MS);
  assert.equal(first.asked.length, 1);
});

test('a report whose server cannot write goes to the next at once', async () => {
  first.answer = () => CANNOT_WRITE;
  const ran = await report();
  await assertDelivered(ran, 0);
  assert.deepEqual(second.asked, first.asked);
});

test('the answer of the first server counts also after the next was asked', async () => {
  const asked = Promise.withResolvers<void>();
  first.answer = () => asked.promise.then(() => ACCEPTED);
  second.answer = () => {
    asked.resolve();
    return undefined;
  };
  await assertDelivered(await report(), STEP_MS);
});

test('only when no server answers a report waits in the spool, within the time for one, and the next ones go straight there', async () => {
  for (const server of [first, second]) server.answer = silent;
  const { code, stderr, ms } = await report();
  assert.equal(code, 0);
  assert.match(
    stderr,
    /in the spool.*no answer from tcp:\/\/127\.0\.0\.1:\d+ within [12]\.\d s; no answer from tcp:\/\/127\.0\.0\.2:/,
  );
  assert.ok(ms > ALL_MS - 100, `${ms} ms`);
  await assertInTime(ms, ALL_MS);
  assert.match((await report()).stderr, /the server was not found a moment ago/);
  assert.equal(spooled().length, 2);
  // What waits is sent to whoever answers.
  second.answer = () => ACCEPTED;
  second.asked.length = 0;
  await assertDelivered(await runProgram('report', ['--root', folder.path, '--flush']).then(quiet), STEP_MS);
  assert.equal(new Set(second.asked).size, 2);
  await assertDelivered(await report(), STEP_MS);
});

function quiet(ran: Ran): Ran {
  assert.equal(ran.stderr, 'banshare-report: 2 sent, the spool is empty\n');
  return { ...ran, stderr: '' };
}

test('where no server can write, or one is gone and the other does not know this host yet, a report waits and is not given up', async () => {
  for (const server of [first, second]) server.answer = () => CANNOT_WRITE;
  assert.match((await report()).stderr, /in the spool.*its database is away/);
  assert.ok(!existsSync(join(paths.spool, '.no-server')));
  know(GONE, second.address);
  second.answer = () => UNKNOWN;
  assert.match((await report('--timeout', '1s')).stderr, /in the spool/);
  assert.equal(spooled().length, 2);
});

test('a host that one server does not know yet is taken at its word by the next, and refused where none knows it', async () => {
  first.answer = () => UNKNOWN;
  await assertDelivered(await report(), 0);
  second.answer = () => UNKNOWN;
  const { code, stderr } = await report();
  assert.deepEqual([code, spooled()], [77, []]);
  assert.match(stderr, /refused: who is that/);
});

test('many reports wait for a silent server once, and not each', async () => {
  first.answer = silent;
  const lines = Array.from({ length: 200 }, (_, index) => `fail2ban sshd 203.0.113.${index}\n`);
  const ran = await runProgram('report', ['--root', folder.path, '--stdin'], { stdin: lines.join('') });
  assert.deepEqual([ran.code, ran.stderr, spooled()], [0, '', []]);
  assert.ok(ran.ms > STEP_MS, `${ran.ms} ms`);
  // Two hundred reports are work of their own, which a busy machine takes seconds for; 32 that waited one after the other would take longer.
  await assertInTime(ran.ms, 10 * STEP_MS);
  assert.equal(new Set(second.asked).size, 200);
  assert.ok(first.asked.length <= 32, `${first.asked.length} were asked of the silent one`);
});

test('many reports go to one server alone while it answers, however long they take together', async () => {
  first.answer = () => new Promise((resolve) => setImmediate(resolve, ACCEPTED));
  const lines = Array.from({ length: 200 }, (_, index) => `fail2ban sshd 203.0.113.${index}\n`);
  const ran = await runProgram('report', ['--root', folder.path, '--stdin'], { stdin: lines.join('') });
  await assertDelivered(ran, 0);
  assert.equal(first.asked.length, 200);
  assertUnasked(second, ran);
});
