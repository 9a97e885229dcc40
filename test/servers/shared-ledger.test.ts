import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { parsePublication, rotationText } from '@banshare/protocol';
import { askAdmin } from '@banshare/runtime';
import { makeIdentity, Signer, type Identity, type Subscription } from '@banshare/transport';
import { makeId, Peer, untilAnswered, within } from '../fleet/index.ts';
import { postgresSkip } from '../fleet/database/postgres.ts';
import type { FleetServer } from '../fleet/server.ts';
import { SharedServers } from '../fleet/database/shared-servers.ts';
import { fateOf, publish, reportOf } from '../../packages/server/test/reports.ts';

const skip = postgresSkip();

type Status = {
  head: number;
  frozen: unknown;
  shared: { applied: number; last: number; durability: string; clockAhead: number };
};

const started = skip === false ? SharedServers.start() : undefined;
started?.catch(() => undefined);
after(async () => (await started?.catch(() => undefined))?.[Symbol.asyncDispose]());
const servers = async (): Promise<SharedServers> => (await started)!;

/** The same host at another server. */
function at(all: SharedServers, server: FleetServer, peer: Peer): Peer {
  const there = peer.at({ keys: all.fleet.keys, ports: () => server.ports });
  all.defer(() => there.leave());
  return there;
}

/** Has a host take another key. */
async function rotate(peer: Peer, next: Identity): Promise<void> {
  const id = makeId();
  const text = rotationText({ id, key: peer.identity.publicHex, to: peer.serverKey }, next.publicHex);
  const proof = new Signer(next.seedHex).sign(text).toString('hex');
  const answer = await peer.ask({ kind: 'rotate', next: next.publicHex, proof }, { id });
  assert.ok(answer.ok && answer.reply.status === 'OK', JSON.stringify(answer));
}

/** A third server, with the keys of the others and no ledger. */
async function further(all: SharedServers, name: string): Promise<FleetServer> {
  const made = all.further(name);
  all.layAs(made);
  return made.start();
}

/** Until both have applied the same, which a deed at one of them has made. */
async function settled({ a, b }: SharedServers): Promise<void> {
  const isSo = async (): Promise<true | undefined> => {
    const [one, other] = await Promise.all([a, b].map((server) => server.json<Status>('status')));
    return (one?.head === other?.head && one?.shared.applied === other?.shared.applied) || undefined;
  };
  await untilAnswered(isSo, 20_000, () => 'two servers with the same');
}

/** The next message of a subscriber that is an event of an address. */
async function eventOf(subscription: Subscription, ip: string): Promise<unknown> {
  for (;;) {
    const message = await within(subscription.receive(), 10_000, () => `an event of ${ip}`);
    assert.ok(message !== undefined);
    const { subject, body } = message;
    if (subject.includes(ip)) return JSON.parse(body);
  }
}

test(
  'a ban that is reported at one server is published by both, with the same seq and tail, and is a duplicate at the other',
  { skip },
  async () => {
    const all = await servers();
    const one = await all.fleet.peer('h1');
    await settled(all);
    const other = at(all, all.b, one);
    const [atA, atB] = [one.subscribe(), other.subscribe()];
    await Promise.all([atA.receive(), atB.receive()]);
    await publish(one, '203.0.113.1');
    const [fromB, fromA] = await Promise.all([eventOf(atB, '203.0.113.1'), eventOf(atA, '203.0.113.1')]);
    assert.deepEqual(fromA, fromB);
    assert.equal(await fateOf(other, '203.0.113.1'), 'duplicate');
    await publish(other, '203.0.113.2');
    assert.deepEqual(await eventOf(atA, '203.0.113.2'), await eventOf(atB, '203.0.113.2'));
    for (const each of [atA, atB]) each.close();
  },
);

test('what is reported at both at once is banned once', { skip }, async () => {
  const all = await servers();
  const [one, two] = [await all.fleet.peer('h2'), await all.fleet.peer('h3')];
  await settled(all);
  const ips = Array.from({ length: 40 }, (_, index) => `198.51.100.${index + 1}`);
  const fates = async (peer: Peer): Promise<string[]> => {
    const found: string[] = [];
    for (const ip of ips) found.push(await fateOf(peer, ip));
    return found;
  };
  const [atA, atB] = await Promise.all([fates(one), fates(at(all, all.b, two))]);
  for (const [index] of ips.entries())
    assert.deepEqual(new Set([atA[index], atB[index]]), new Set(['accepted', 'duplicate']));
  await settled(all);
});

test(
  'who is enrolled, approved, rotated, revoked, and what is never banned or frozen at one server is so at the other',
  { skip },
  async () => {
    const all = await servers();
    const { a, b } = all;
    await a.says('enrolment', 'approve');
    const peer = await all.fleet.newcomer();
    const answer = await peer.enrol('newcomer');
    assert.ok(answer.ok && answer.reply.verdict === 'pending');
    await settled(all);
    assert.match(await b.says('hosts'), /newcomer +pending/);
    await b.says('hosts', 'approve', 'newcomer');
    await settled(all);
    await publish(peer, '203.0.113.11');
    const next = await makeIdentity();
    await rotate(peer, next);
    await settled(all);
    const there = new Peer({ keys: all.fleet.keys, ports: () => b.ports }, next);
    all.defer(() => there.close());
    there.name = peer.name;
    await publish(there, '203.0.113.12');
    await a.says('never-ban', 'add', '203.0.113.13');
    await settled(all);
    assert.equal(await fateOf(there, '203.0.113.13'), 'never-ban');
    await a.says('freeze');
    await settled(all);
    assert.equal(await fateOf(there, '203.0.113.14'), 'frozen');
    await b.says('thaw');
    await a.says('hosts', 'revoke', 'newcomer');
    await settled(all);
    assert.match(await fateOf(there, '203.0.113.15'), /^(revoked|not-admitted)$/);
    assert.equal((await b.asks('audit', '--verify')).code, 0);
    await a.says('enrolment', 'open', '--for', '1h');
  },
);

test(
  'after kill -9 of one server the other goes on, and the first has all of it before it opens its ports',
  { skip },
  async () => {
    const all = await servers();
    const peer = await all.fleet.peer('h4');
    await settled(all);
    const there = at(all, all.b, peer);
    await publish(peer, '203.0.113.21');
    await all.a.kill9();
    const seq = await publish(there, '203.0.113.22');
    await all.a.start();
    const sync = await peer.ask({ kind: 'sync', limit: 10 });
    assert.ok(sync.ok && Number(sync.reply.fields['head']) >= seq);
    assert.equal(await fateOf(peer, '203.0.113.22'), 'duplicate');
  },
);

test(
  'while the database is away servers answer RETRY, serve what they know, say so, and are stale; afterwards they take all',
  { skip },
  async () => {
    const all = await servers();
    const peer = await all.fleet.peer('h5');
    await settled(all);
    const subscription = peer.subscribe();
    await publish(peer, '203.0.113.31');
    await all.postgres.stop();
    const report = reportOf(peer, '203.0.113.32');
    const refused = await peer.ask(report);
    assert.ok(refused.ok);
    assert.deepEqual([refused.reply.status, refused.reply.code], ['RETRY', 'ledger']);
    const sync = await peer.ask({ kind: 'sync', limit: 10 });
    assert.ok(sync.ok && sync.reply.status === 'OK');
    const deed = await all.a.asks('ban', '203.0.113.33');
    assert.equal(deed.code, 1);
    assert.match(deed.stderr, /Cannot write the ledger .*: Cannot reach a database that can be written: /);
    // It may be all that is left.
    const backup = all.fileOf('backup');
    const made = await all.b.command('backup', backup);
    assert.deepEqual([made.code, existsSync(backup)], [0, true], made.stderr);
    assert.match(made.stdout, /it was made stands in no audit log: Cannot write the ledger .*Cannot reach/);
    const status = await all.a.asks('status');
    assert.equal(status.code, 1);
    assert.match(status.stdout, /^URGENT: The ledger cannot be written .*\[ledger\] log/m);
    for (let isStale = false; !isStale;) {
      const message = await within(subscription.receive(), 10_000, () => 'a heartbeat that says stale');
      assert.ok(message !== undefined);
      const read = parsePublication(message.subject, message.body);
      isStale = read.ok && read.value.kind === 'heartbeat' && read.value.heartbeat.stale === true;
    }
    await all.postgres.run();
    await all.a.line(/The shared log can be written/);
    await publish(peer, '203.0.113.32');
    await settled(all);
    assert.match(await all.b.says('bans', '203.0.113.32'), /203\.0\.113\.32/);
    subscription.close();
  },
);

test(
  'a host that reports at both servers in turns has the limit of one: what it brought at the first counts at the other',
  { skip },
  async () => {
    const all = await servers();
    const { b } = all;
    const one = await all.fleet.peer('h8');
    await b.restart(`${all.toml}[limits]\nhost-per-minute = 60\nhost-burst = 20\n`);
    await settled(all);
    const other = at(all, b, one);
    const bring = async (peer: Peer, network: string, count: number): Promise<string[]> => {
      const fates: string[] = [];
      for (let last = 1; last <= count; last += 1) fates.push(await fateOf(peer, `${network}.${last}`));
      return fates;
    };
    const began = performance.now();
    await bring(one, '100.20.1', 15);
    await settled(all);
    const fates = await bring(other, '100.20.2', 20);
    const accepted = fates.filter((fate) => fate === 'accepted').length;
    // One a second comes back.
    const most = 5 + Math.ceil((performance.now() - began) / 1000);
    assert.ok(accepted >= 5 && accepted <= most, `${accepted} of at most ${most}: ${fates.join(' ')}`);
    await b.restart(all.toml);
  },
);

test('who asks for status writes nothing that the other servers have to apply', { skip }, async () => {
  const all = await servers();
  const newest = (): string =>
    all.postgres.sql("SELECT count(*) FROM log WHERE at > now() - interval '1 hour'", 'banshare');
  // What hosts tell and the clock's chores are entries too, and none of them comes within a moment of the one before.
  const quiet = async (): Promise<true | undefined> => {
    const before = newest();
    for (const server of [all.a, all.b, all.a, all.b]) await server.json<Status>('status');
    return newest() === before || undefined;
  };
  await untilAnswered(quiet, 20_000, () => 'four looks without an entry');
});

test('status names for ever that one machine alone keeps what was answered OK', { skip }, async () => {
  const { stdout } = await (await servers()).b.asks('status');
  assert.match(stdout, /^To do: What is answered OK is on one machine only/m);
  const { shared } = await (await servers()).b.json<Status>('status');
  assert.ok(Math.abs(shared.clockAhead) < 10, `${shared.clockAhead} s from the database's clock`);
});

test(
  'a server that finds no synchronous standby where there has to be one starts, says so loudly, and answers nothing OK',
  { skip },
  async () => {
    const all = await servers();
    const strict = await further(all, 'strict');
    const peer = at(all, strict, await all.fleet.peer('h9'));
    const toml = all.toml.replace('durability = "none"', 'durability = "standby"');
    await strict.restart(toml);
    await strict.line(/ error: Cannot write the shared log; senders try again .*standby/);
    const answer = await peer.ask(reportOf(peer, '203.0.113.71'));
    assert.ok(answer.ok);
    assert.deepEqual([answer.reply.status, answer.reply.code], ['RETRY', 'ledger']);
    const { code, stdout } = await strict.asks('status');
    assert.equal(code, 1);
    assert.match(stdout, /^URGENT: The ledger cannot be written .*standby/m);
    await settled(all);
    assert.doesNotMatch((await all.a.asks('bans', '203.0.113.71')).stdout, /203\.0\.113\.71/);
    await strict.stop();
  },
);

test('one of two servers speaks to the world for both, and goes on to while it lives', { skip }, async () => {
  const { a, b } = await servers();
  const speakers = (): Promise<unknown[]> =>
    Promise.all(
      [a, b].map(async ({ paths }) => {
        const reply = await askAdmin(paths.serverSocket, { command: 'attention', args: {} }, 20_000);
        assert.ok(reply.ok);
        return (reply.result as { speaks: boolean }).speaks;
      }),
    );
  const first = await speakers();
  assert.equal(first.filter((speaks) => speaks === true).length, 1);
  for (let times = 0; times < 3; times += 1) assert.deepEqual(await speakers(), first);
});

test(
  'a new server with nothing but keys starts from the newest snapshot, and has all that the others have',
  { skip },
  async () => {
    const all = await servers();
    const peer = await all.fleet.peer('h6');
    await publish(peer, '203.0.113.41');
    const c = await further(all, 'c');
    assert.match(await c.says('bans', '203.0.113.41'), /203\.0\.113\.41/);
    await settled(all);
    const there = at(all, c, peer);
    assert.equal(await fateOf(there, '203.0.113.41'), 'duplicate');
  },
);

test(
  'a server whose ledger was moved away begins with the snapshot, and not beside what that ledger has left',
  { skip },
  async () => {
    const all = await servers();
    const peer = await all.fleet.peer('h7');
    const c = await further(all, 'd');
    for (const last of [51, 52, 53]) await publish(peer, `203.0.113.${last}`);
    const { ledger } = c.paths;
    const has = async (): Promise<true | undefined> =>
      (await c.says('bans', '203.0.113.53')).includes('203.0.113.53') ? true : undefined;
    await untilAnswered(has, 20_000, () => 'the ban at the third server');
    await c.kill9();
    assert.ok(existsSync(`${ledger}-wal`));
    renameSync(ledger, `${ledger}.old`);
    c.launch();
    assert.notEqual(await c.ended, 0);
    assert.match(c.said.join('\n'), /ledger\.db-wal\S+ belongs to a ledger that was moved away/);
    renameSync(`${ledger}-wal`, `${ledger}.old-wal`);
    await c.start();
    assert.match(await c.says('bans', '203.0.113.53'), /203\.0\.113\.53/);
  },
);

test(
  'a server that finds a forged entry when it starts lets nobody in, and tells its operators so: status exits 1, lists answer, deeds are refused with the reason; once the log is mended a restart is enough',
  { skip },
  async () => {
    const all = await servers();
    const { a, b, postgres } = all;
    const host = await all.fleet.peer('h9');
    await publish(host, '203.0.113.91');
    await settled(all);
    await b.stop();
    await publish(host, '203.0.113.92');
    // What a server has not applied yet would stop it too.
    const newest = async (): Promise<number | undefined> => {
      const n = Number(postgres.sql('SELECT max(n) FROM log', 'banshare'));
      return (await a.json<Status>('status')).shared.applied === n ? n : undefined;
    };
    const last = await untilAnswered(newest, 20_000, () => 'a server that has applied all');
    postgres.sql(`UPDATE log SET data = data || 'x' WHERE n = ${last}`, 'banshare');
    b.launch();
    await b.line(/Opens no port: a person is needed/);
    await b.line(/^banshare-server shut/);
    const { code, stdout } = await b.asks('status');
    assert.equal(code, 1);
    assert.match(
      stdout,
      /^URGENT: .*was not made by a server of this fleet.*opened no port.*systemctl restart/m,
    );
    assert.match(await b.says('bans', '203.0.113.91'), /203\.0\.113\.91/);
    assert.match(await b.says('hosts'), /h9/);
    const deed = await b.asks('ban', '203.0.113.93');
    assert.equal(deed.code, 1);
    assert.match(deed.stderr, /was not made by a server of this fleet/);
    for (const port of [b.ports.report, b.ports.publish])
      await assert.rejects(connected(port), /ECONNREFUSED/);
    // As whoever can write the database did it, he takes it back.
    postgres.sql(`UPDATE log SET data = substr(data, 1, length(data) - 1) WHERE n = ${last}`, 'banshare');
    assert.equal(await b.stop(), 0);
    await b.start();
    assert.match(await b.says('bans', '203.0.113.92'), /203\.0\.113\.92/);
    assert.equal((await a.asks('bans', '203.0.113.93')).stdout.includes('203.0.113.93'), false);
  },
);

test(
  'a forged entry behind the last one reaches no host: both servers name it, take nothing more, and go on once it is gone',
  { skip },
  async () => {
    const all = await servers();
    const { a, b, postgres } = all;
    await settled(all);
    const heads = await Promise.all([a, b].map(async (server) => (await server.json<Status>('status')).head));
    const forge = `INSERT INTO log SELECT n + 1, sha256(token), clock_timestamp(), nonce, schema, kind, data FROM log ORDER BY n DESC LIMIT 1`;
    postgres.sql(forge, 'banshare');
    const n = Number(postgres.sql('SELECT max(n) FROM log', 'banshare'));
    for (const server of [a, b]) {
      await server.line(new RegExp(`applies and writes nothing more.*Cannot take entry ${n} of the log`));
      assert.match((await server.asks('status')).stdout, new RegExp(`^URGENT: .*entry ${n} of the log`, 'm'));
      assert.equal((await server.asks('ban', '203.0.113.94')).code, 1);
    }
    const after = await Promise.all([a, b].map(async (server) => (await server.json<Status>('status')).head));
    assert.deepEqual(after, heads);
    postgres.sql(`DELETE FROM log WHERE n >= ${n}`, 'banshare');
    for (const server of [a, b]) await server.restart();
    await b.says('ban', '203.0.113.94');
  },
);

async function connected(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}
