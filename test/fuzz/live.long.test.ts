import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Dealer } from 'zeromq';
import { coveredByMac, signedText } from '@banshare/protocol';
import { Mac, Signer } from '@banshare/transport';
import { startFleet, within, type FleetServer, type Peer } from '../fleet/index.ts';
import { corpusOf, hostile, type Input } from './inputs.ts';

const MESSAGES = Math.ceil(Number(process.env['BANSHARE_FUZZ'] ?? 110_000) / 30);
const MOST_MEBIBYTES = 300;

const COMMANDS = [
  'ping',
  'status',
  'hosts',
  'bans',
  'explain',
  'ban',
  'unban',
  'undo',
  'change-host',
  'enrolment',
  'never-ban',
  'retire',
  'release',
  'drop',
  'freeze',
  'thaw',
  'held',
  'audit',
  'import',
  '',
  '__proto__',
] as const;
const WORDS = [
  'ip',
  'jail',
  'for',
  'reason',
  'host',
  'since',
  'action',
  'name',
  'mode',
  'range',
  'generation',
  'all',
  'verify',
];

function inputs(of: fc.Arbitrary<Input>, count: number): readonly Input[] {
  return fc.sample(of, count);
}

function bytesOf(part: string): Buffer {
  return Buffer.from(part, 'latin1');
}

/** Good requests between the hostile ones, whose answers tell that what was sent before them was read. */
class Pings {
  readonly #peer: Peer;
  readonly #dealer: Dealer;
  #sent = 0;
  answers = 0;
  #awaited = '';
  #arrived: () => void = () => undefined;

  constructor(peer: Peer, dealer: Dealer) {
    this.#peer = peer;
    this.#dealer = dealer;
    dealer.receiveTimeout = -1;
    void this.#listen();
  }

  /** Asks once for so many calls, until there is an answer: a frame too large costs the connection, and what is on its way. */
  async now(every: number): Promise<void> {
    this.#sent += 1;
    if (this.#sent % every !== 0) return;
    for (let isAnswered = false; !isAnswered;) {
      const { id, subject, body, signature } = this.#peer.sealed({ kind: 'sync', limit: 1 });
      const arrived = new Promise<boolean>((resolve) => (this.#arrived = () => resolve(true)));
      this.#awaited = id;
      await this.#dealer.send(['', subject, body, signature]);
      isAnswered = await within(arrived, 300, () => 'an answer').catch(() => false);
    }
  }

  async #listen(): Promise<void> {
    try {
      for await (const frames of this.#dealer) {
        this.answers += 1;
        if (frames.some((frame) => frame.includes(this.#awaited))) this.#arrived();
      }
    } catch {
      // Closed.
    }
  }
}

/** The server is as it was: alive, with its one child, small, and every line of its log is one. */
async function assertUnharmed(server: FleetServer, peer: Peer): Promise<void> {
  const answer = await peer.ask({ kind: 'sync', limit: 1 });
  assert.ok(answer.ok && answer.reply.status === 'OK');
  const { pid } = server;
  const tasks = readdirSync(`/proc/${pid}/task`);
  const children = tasks.map((id) => readFileSync(`/proc/${pid}/task/${id}/children`, 'utf8')).join('');
  assert.equal(children.trim().split(' ').length, 1, `its children: ${children}`);
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  assert.ok(pages / 256 < MOST_MEBIBYTES, `it takes ${pages / 256} MiB`);
  for (const line of server.said) assert.match(line, /^(\d{4}-\d\d-\d\dT\S+ \w+: |banshare-server ready )/);
}

test('Whatever frames a host with a valid key sends, signed by it or not, the server serves on', async (t) => {
  await using fleet = await startFleet();
  const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
  const signer = new Signer(bad.identity.seedHex);
  const mac = new Mac(bad.identity.curve.secretKey, fleet.keys.server.publicKey);
  let isByMac = false;
  const dealer = bad.dealer();
  const own = bad.sealed({ kind: 'sync', limit: 1 });
  const pings = new Pings(bad, dealer);
  const key = /"id":"\w+","at":[\d.]+,"key":"\w+","to":"[^"]+"/.exec(own.body)?.[0] ?? '';
  // As if the host itself had written it: only then it is read to its end.
  const corpus = corpusOf('request').map(([subject = '', body = '']) => [
    subject.replace(/;h\d$/, ';bad'),
    body.replace(/"id":"\w+","at":[\d.]+,"key":"\w+","to":"[^"]+"/, key),
  ]);
  for (const [subject = '', body = '', ...more] of inputs(hostile(corpus), MESSAGES)) {
    const [head, text] = [bytesOf(subject), bytesOf(body)];
    // By turns signed and by MAC: both ways lead to all that reads on.
    isByMac = !isByMac;
    const words = [head.toString('utf8'), text.toString('utf8')] as const;
    const signature = isByMac ? mac.of(coveredByMac(...words)) : signer.sign(signedText(...words));
    await dealer.send(['', head, text, signature, ...more.map(bytesOf)]);
    await pings.now(50);
  }
  for (const parts of inputs(hostile(corpusOf('incoming')), MESSAGES)) {
    if (parts.length > 0) await dealer.send(parts.map(bytesOf));
    await pings.now(50);
  }
  await pings.now(1);
  dealer.close();
  t.diagnostic(`${2 * MESSAGES} messages, ${pings.answers} answers`);
  assert.ok(pings.answers > MESSAGES);
  await assertUnharmed(fleet.server, good);
  assert.equal(await fleet.server.stop(), 0);
});

test('Whatever is written to the admin socket, the server serves on', async () => {
  await using fleet = await startFleet();
  const good = await fleet.peer('good');
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      '203.0.113.9',
      '0.0.0.0/0',
      'good',
      'approve',
      'forget',
      'add',
      '-1',
      '10m',
      'a\nb',
      'x'.repeat(5000),
    ),
  );
  const request = fc
    .record({ command: fc.constantFrom(...COMMANDS), args: fc.dictionary(fc.constantFrom(...WORDS), value) })
    .map((asked) => JSON.stringify(asked));
  const line = fc.oneof(request, fc.json(), fc.string({ unit: 'binary', maxLength: 300 }));
  for (const text of fc.sample(line, 400)) {
    // The one host must stay for the last check.
    if (/revoke|"forget"/.test(text) && text.includes('good')) continue;
    const socket = connect(fleet.server.paths.serverSocket);
    socket.on('error', () => undefined).resume();
    socket.end(`${text}\n`);
    await once(socket, 'close');
  }
  await assertUnharmed(fleet.server, good);
  assert.equal(await fleet.server.stop(), 0);
});
