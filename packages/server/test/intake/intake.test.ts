import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { parseAddress, parseHostName, parseJail, parseProg, parseReply } from '@banshare/protocol';
import { Signer } from '@banshare/transport';
import { signedText } from '@banshare/protocol';
import type { Dealer } from 'zeromq';
import { ackOf, makeId, startFleet } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const host = await fleet.peer('h1');
const dealer = host.dealer();
after(() => dealer.close());
const SUBJECT = 'fail2ban;sshd;203.0.113.9;h1';

/** The fields of a good report, as a starting point for bad ones. */
function fields(): Record<string, unknown> {
  return {
    v: 1,
    id: makeId(),
    at: Date.now() / 1000,
    key: host.identity.publicHex,
    to: fleet.keys.server.publicKey,
  };
}

/** Frames of a request with that body, signed whatever it is. */
function signed(subject: string, body: unknown): (string | Buffer)[] {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return ['', subject, text, new Signer(host.identity.seedHex).sign(signedText(subject, text))];
}

async function ask(socket: Dealer, frames: (string | Buffer)[]): Promise<string> {
  await socket.send(frames);
  const [empty, status = '', body = ''] = (await socket.receive()).map(String);
  assert.equal(empty, '');
  const reply = parseReply(status, body);
  assert.ok(reply.ok, `${status} ${body}`);
  assert.equal(body.includes(';'), false);
  return `${status} ${reply.value.code ?? reply.value.verdict}`;
}

/** The server serves on: a good request is answered, and still nothing is banned. */
async function isWell(): Promise<void> {
  const answer = await host.ask({ kind: 'sync', limit: 10 });
  assert.ok(answer.ok && answer.reply.status === 'OK');
  assert.equal(answer.reply.fields['head'], 0);
}

const FRAMES: readonly [says: string, frames: () => (string | Buffer)[]][] = [
  ['no empty frame', () => ['a', 'b', 'c']],
  ['one frame alone', () => ['fail2ban;sshd;203.0.113.9;h1']],
  ['only an empty frame', () => ['']],
  ['no signature', () => ['', SUBJECT, '{}']],
  ['a frame too many', () => [...signed(SUBJECT, fields()), '']],
  ['200 frames', () => ['', ...Array.from({ length: 200 }, () => 'x')]],
  ['a subject that is no UTF-8', () => ['', Buffer.from([0xff, 0xfe]), '{}', Buffer.alloc(64)]],
  ['a body that is no UTF-8', () => ['', SUBJECT, Buffer.from([0x7b, 0xc3, 0x7d]), Buffer.alloc(64)]],
  ['a long subject', () => signed('x'.repeat(513), fields())],
  ['an empty body', () => signed(SUBJECT, '')],
  ['a body that is no JSON', () => signed(SUBJECT, '{')],
  ['a body that is a list', () => signed(SUBJECT, [])],
  ['a body that is null', () => signed(SUBJECT, 'null')],
  ['a body nested a thousand deep', () => signed(SUBJECT, `${'['.repeat(1000)}${']'.repeat(1000)}`)],
  ['a body with no fields', () => signed(SUBJECT, {})],
  ['another version', () => signed(SUBJECT, { ...fields(), v: 2 })],
  ['an id that is none', () => signed(SUBJECT, { ...fields(), id: 'x' })],
  ['a time that is a text', () => signed(SUBJECT, { ...fields(), at: '1' })],
  ['a negative time', () => signed(SUBJECT, { ...fields(), at: -1 })],
  ['a key in capitals', () => signed(SUBJECT, { ...fields(), key: host.identity.publicHex.toUpperCase() })],
  ['three parts', () => signed('fail2ban;sshd;203.0.113.9', fields())],
  ['five parts', () => signed(`${SUBJECT};more`, fields())],
  ['an address that is a range', () => signed('fail2ban;sshd;0.0.0.0/0;h1', fields())],
  ['an address that is octal', () => signed('fail2ban;sshd;010.0.0.1;h1', fields())],
  ['an address with a newline', () => signed('fail2ban;sshd;203.0.113.9\n;h1', fields())],
  ['NUL in the jail', () => signed('fail2ban;ss\0hd;203.0.113.9;h1', fields())],
  ['a shell in the jail', () => signed('fail2ban;$(id);203.0.113.9;h1', fields())],
  ['an empty subject', () => signed(';;;', fields())],
  ['an ack without fields', () => signed('ack', fields())],
  ['a sync with a limit of nought', () => signed('sync', { ...fields(), limit: 0 })],
  ['an unban without an address', () => signed('unban', fields())],
  ['an enrolment without a name', () => signed('enrol', fields())],
  ['an enrolment with a name that is none', () => signed('enrol', { ...fields(), name: '-x-' })],
];

for (const [says, frames] of FRAMES) {
  test(`a request with ${says} is REFUSED malformed, and the server goes on`, async () => {
    assert.equal(await ask(dealer, frames()), 'REFUSED malformed');
    await isWell();
  });
}

test('a body of more than 4 KiB is REFUSED for its size', async () => {
  assert.equal(await ask(dealer, signed(SUBJECT, { ...fields(), pad: 'x'.repeat(4096) })), 'REFUSED size');
  await isWell();
});

test('an unknown subject is REFUSED unsupported', async () => {
  for (const subject of ['frobnicate', 'ban', 'SYNC', '__proto__', 'batch']) {
    assert.equal(await ask(dealer, signed(subject, fields())), 'REFUSED unsupported', subject);
  }
});

test('unknown fields are ignored', async () => {
  assert.equal(
    await ask(dealer, signed('sync', { ...fields(), colour: 'red', __proto__: 1 })),
    'OK accepted',
  );
});

test('the answer goes back over everything up to the first empty frame', async () => {
  const frames = ['first', 'second', ...signed('sync', fields())];
  await dealer.send(frames);
  const [first, second, empty, status] = (await dealer.receive()).map(String);
  assert.deepEqual([first, second, empty, status], ['first', 'second', '', 'OK']);
});

test('frames of 100 KB and 1 MB cost their sender its connection, and nobody else', async () => {
  for (const size of [100_000, 1_000_000]) {
    const rude = host.dealer();
    const cut = new Promise((resolve) => rude.events.on('disconnect', resolve));
    await rude.send(['', SUBJECT, 'x'.repeat(size), '']);
    await cut;
    rude.close();
    await isWell();
  }
});

test('a faulty request is logged once, in one line, whatever it holds', async () => {
  const { said } = fleet.server;
  await ask(dealer, signed('fail2ban;\u001b[2J\u2028\n;203.0.113.9;h1', fields()));
  const refusals = said.filter((line) => line.includes('Refused a request') && line.includes('malformed'));
  assert.equal(refusals.length, 1);
  for (const line of said) assert.doesNotMatch(line, /[^\x20-\x7e…]/);
});

test('reports of many senders at once are each committed and answered', async () => {
  const peers = await Promise.all(['p1', 'p2', 'p3', 'p4'].map((name) => fleet.peer(name)));
  const answers = await Promise.all(
    peers.map(async (peer, index) => {
      const seqs: number[] = [];
      for (let last = 0; last < 50; last += 1) {
        const ip = parseAddress(`198.51.100.${index * 50 + last}`);
        const prog = parseProg('psad');
        const jail = parseJail('many');
        const sender = parseHostName(`p${index + 1}`);
        assert.ok(ip.ok && prog.ok && jail.ok && sender.ok);
        const report = { ip: ip.value, prog: prog.value, jail: jail.value };
        const answer = await peer.ask({ kind: 'report', sender: sender.value, report });
        assert.ok(answer.ok && answer.reply.verdict === 'accepted');
        seqs.push(answer.reply.seq ?? 0);
      }
      return seqs;
    }),
  );
  const seqs = answers.flat().sort((a, b) => a - b);
  assert.deepEqual(
    seqs,
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
});

// These come last: nothing above bans anybody.
test('of a host whose clock is an hour ahead what it found after an operator’s unban counts, and what it found before does not', async () => {
  const [subject, ip] = ['fail2ban;sshd;203.0.113.77;h1', '203.0.113.77'];
  const ownClock = (): number => Date.now() / 1000 + 3600;
  const foundBefore = Date.now() / 1000;
  await host.ask(ackOf(), { at: ownClock() });
  await fleet.server.says('ban', ip);
  await fleet.server.says('unban', ip);
  assert.equal(await ask(dealer, signed(subject, { ...fields(), at: ownClock(), age: 0 })), 'RETRY clock');
  const age = Date.now() / 1000 - foundBefore;
  // Both are signed anew by the server's clock, as RETRY asks for.
  const before = signed(subject, { ...fields(), at: foundBefore, age });
  assert.equal(await ask(dealer, before), 'REFUSED lifted');
  assert.equal(await ask(dealer, signed(subject, { ...fields(), age: 0 })), 'OK accepted');
});

for (const [says, details] of [
  ['a duration that is a fraction', { duration: 1.5 }],
  ['a duration of -2', { duration: -2 }],
  ['a duration of 1,000 years', { duration: 31_557_600_000 }],
  ['a port with a semicolon', { port: 'a;b' }],
  ['a protocol of two words', { protocol: 'tcp, udp' }],
  ['failures as text', { failures: 'many' }],
] as const) {
  test(`a report with ${says} is a ban all the same, without what cannot be read`, async () => {
    assert.match(
      await ask(dealer, signed(SUBJECT, { ...fields(), ...details })),
      /^OK (accepted|duplicate)$/,
    );
  });
}
