import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { makeIdentity, Signer, type Answer } from '@banshare/transport';
import { parseAddress, parseHostName, parseJail, parseProg, type RequestKind } from '@banshare/protocol';
import { makeId, Peer, startFleet } from '../../../../test/fleet/index.ts';

const fleet = await startFleet();
after(() => fleet[Symbol.asyncDispose]());
const host = await fleet.peer('h1');
const other = await fleet.peer('h2');

/** A report of an address of its own, in the name of a host. */
let last = 0;
function report(sender = 'h1', prog = 'fail2ban', address?: string): RequestKind {
  last += 1;
  const name = parseHostName(sender);
  const ip = parseAddress(address ?? `203.0.113.${last}`);
  const by = parseProg(prog);
  const jail = parseJail('sshd');
  assert.ok(name.ok && ip.ok && by.ok && jail.ok);
  return { kind: 'report', sender: name.value, report: { ip: ip.value, prog: by.value, jail: jail.value } };
}

function outcome(answer: Answer): string {
  assert.ok(answer.ok, JSON.stringify(answer));
  const { status, verdict, code } = answer.reply;
  return [status, verdict, ...(code === undefined ? [] : [code])].join(' ');
}

async function bans(): Promise<number> {
  return (await fleet.server.json<{ activeBans: number }>('status')).activeBans;
}

/** Asks, and makes sure that nothing came of it. */
async function isRefused(wanted: string, ask: () => Promise<Answer>): Promise<void> {
  const before = await bans();
  assert.equal(outcome(await ask()), wanted);
  assert.equal(await bans(), before);
}

test("a host's signed report is accepted", async () => {
  assert.equal(outcome(await host.ask(report())), 'OK accepted');
});

test('a request for the key of another server is refused', async () => {
  const { publicKey: to } = fleet.keys.join;
  await isRefused('REFUSED refused wrong-server', () => host.ask(report(), { to }));
});

test('a report by a key that is not enrolled is refused, though its connection is', async () => {
  const unknown = await makeIdentity();
  const as = { key: unknown.publicHex, signer: new Signer(unknown.seedHex) };
  await isRefused('REFUSED refused unknown-key', () => host.ask(report(), as));
});

test('the join key opens the door only to enrol', async () => {
  const unknown = new Peer(fleet.meeting, await makeIdentity());
  await isRefused('REFUSED refused unknown-key', () => unknown.ask(report(), {}, fleet.keys.join));
  unknown.close();
});

test('a signature by another key is refused', async () => {
  const signer = new Signer(other.identity.seedHex);
  await isRefused('REFUSED refused signature', () => host.ask(report(), { signer }));
});

test('a signature over other words is refused', async () => {
  const sealed = host.sealed(report());
  for (const changed of [
    { ...sealed, subject: sealed.subject.replace('sshd', 'nginx') },
    { ...sealed, body: sealed.body.replace('"v":1', '"v":1,"duration":-1') },
    { ...sealed, signature: Buffer.alloc(64) },
    { ...sealed, signature: Buffer.alloc(0) },
    { ...sealed, signature: Buffer.concat([sealed.signature, Buffer.alloc(1)]) },
  ]) {
    await isRefused('REFUSED refused signature', () => host.send(changed));
  }
});

test('a report in the name of another host is refused', async () => {
  await isRefused('REFUSED refused sender', () => host.ask(report('h2')));
});

test("another host's message, sent over one's own connection, counts as that host's", async () => {
  const answer = await other.send(host.sealed(report()));
  assert.equal(outcome(answer), 'OK accepted');
});

test('a report from the future or older than 8 days has to be signed anew, and changes nothing', async () => {
  const now = Date.now() / 1000;
  for (const at of [now + 120, now - 8 * 86_400 - 60, 0]) {
    await isRefused('RETRY retry clock', () => host.ask(report(), { at }));
  }
  assert.equal(outcome(await host.ask(report(), { at: now + 30 })), 'OK accepted');
  assert.equal(outcome(await host.ask(report(), { at: now - 8 * 86_400 + 60 })), 'OK accepted');
});

test('a host with a wrong clock can still follow', async () => {
  assert.equal(outcome(await host.ask({ kind: 'sync', limit: 1 }, { at: 0 })), 'OK accepted');
});

test('what only a forger would sign is judged by the server too', async () => {
  await isRefused('REFUSED refused operator', () => host.ask(report('h1', 'operator')));
  await isRefused('REFUSED refused never-ban', () => host.ask(report('h1', 'fail2ban', '127.0.0.1')));
});

test('the same id again gets the same answer and makes nothing new', async () => {
  const id = makeId();
  const request = report();
  const first = await host.ask(request, { id });
  assert.ok(first.ok);
  const { status, verdict, seq } = first.reply;
  const before = await bans();
  for (const again of [request, report()]) {
    const answer = await host.ask(again, { id });
    assert.ok(answer.ok);
    assert.deepEqual([answer.reply.status, answer.reply.verdict, answer.reply.seq], [status, verdict, seq]);
  }
  assert.equal(await bans(), before);
  // Ids are unique for each key: another host's is another.
  assert.equal(outcome(await other.ask(report('h2'), { id })), 'OK accepted');
});
