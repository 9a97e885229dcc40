import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import {
  EMPTY_TAIL,
  nextTail,
  parsePublication,
  type Event,
  type HostName,
  type Report,
} from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import {
  assertInTime,
  Folder,
  makeId,
  startFleet,
  takePort,
  untilAnswered,
  type Fleet,
  type Peer,
} from '../fleet/index.ts';
import { Postgres, postgresSkip } from '../fleet/database/postgres.ts';
import { FleetServer } from '../fleet/server.ts';
import { isLong } from './chance.ts';

/** Where the setting for the standby is emptied while all runs. */
const RETRY_MS = 1000;
const LOAD_MS = isLong ? 60_000 : 15_000;
/** So many hosts report at each server, in step with as many at the other, what they report too. */
const PAIRS = 12;
const QUORUM = '[[quorum]]\nprog = "fail2ban"\njail = "portscan"\nreporters = 2\nwithin = "1h"\n';

const skip = postgresSkip();

/** What a server answered OK. */
type Answered = { ip: string; jail: string; host: string; verdict: string };
type Status = { head: number; shared: { applied: number } };

/** What ends with the test, also where the start of the rest fails. */
const parts = new AsyncDisposableStack();
after(() => parts.disposeAsync());

/** Two servers on one PostgreSQL with a synchronous standby, and a third that is started only at the end. */
class Stand {
  readonly #folder = parts.use(new Folder());
  readonly fleet: Fleet;
  readonly postgres: Postgres;
  readonly toml: string;
  readonly a: FleetServer;
  readonly b: FleetServer;
  readonly blank: FleetServer;

  private constructor(fleet: Fleet, postgres: Postgres) {
    this.fleet = fleet;
    this.toml = `${QUORUM}[ledger]\nlog = "${postgres.url}?sslmode=disable"\n`;
    this.a = fleet.server;
    this.postgres = postgres;
    const [b, blank] = ['b', 'blank'].map((name) => this.#server(name));
    assert.ok(b !== undefined && blank !== undefined);
    [this.b, this.blank] = [b, blank];
    for (const server of [b, blank]) parts.defer(() => server.close());
  }

  /** With hosts enrolled in pairs, one to report at each server. */
  static async start(): Promise<{ stand: Stand; pairs: [Peer, Peer][] }> {
    const postgres = parts.use(await Postgres.start());
    parts.use(await postgres.standby('second'));
    postgres.set({ synchronous_standby_names: 'second' });
    const stand = new Stand(parts.use(await startFleet()), postgres);
    const { a, b, blank, fleet } = stand;
    const pairs: [Peer, Peer][] = [];
    for (let n = 0; n < PAIRS; n += 1) {
      const there = (await fleet.peer(`b${n}`)).at({ keys: fleet.keys, ports: () => b.ports });
      parts.defer(() => there.leave());
      pairs.push([await fleet.peer(`a${n}`), there]);
    }
    await a.says('ledger', 'move', postgres.url);
    const isBack = async (): Promise<true | undefined> =>
      (await a.command('status', '--json')).stdout === '' ? undefined : true;
    await untilAnswered(isBack, 20_000, () => 'the server that has moved its ledger');
    await a.restart(stand.toml);
    // They have its keys, and begin with the snapshot that it put there before any report.
    for (const { root } of [b, blank])
      cpSync(a.root, root, { recursive: true, filter: (path) => !/\.sock$|ledger\.db/.test(path) });
    await b.start();
    return { stand, pairs };
  }

  #server(name: string): FleetServer {
    const ports = { report: takePort(), publish: takePort() };
    return new FleetServer(join(this.#folder.path, name), this.toml, '127.0.0.1', ports);
  }
}

/** Reports until it is answered OK, each time by the same id. */
async function report(peer: Peer, ip: string, jail: string): Promise<Answered> {
  const id = makeId();
  const asked = { prog: 'fail2ban', jail, ip, durationSeconds: 86_400 } as Report;
  for (;;) {
    const answer = await peer.ask({ kind: 'report', sender: peer.name as HostName, report: asked }, { id });
    if (answer.ok && answer.reply.status === 'OK')
      return { ip, jail, host: String(peer.name), verdict: answer.reply.verdict };
    assert.ok(!answer.ok || answer.reply.status === 'RETRY', JSON.stringify(answer));
  }
}

/**
 * Reports from all hosts until the time is over. Of ten addresses seven are reported at both servers at once, and so are two in a jail with a
 * quorum of two; the tenth has one host behind it.
 */
async function load(pairs: readonly [Peer, Peer][]): Promise<Answered[]> {
  const answered: Answered[] = [];
  const until = performance.now() + LOAD_MS;
  await Promise.all(
    pairs.map(async ([atA, atB], pair) => {
      for (let n = 0; performance.now() < until; n += 1) {
        const ip = `45.${pair}.${n >> 8}.${n & 255}`;
        const jail = n % 10 < 7 ? 'sshd' : 'portscan';
        const who = n % 10 < 9 ? [atA, atB] : [n % 20 < 10 ? atA : atB];
        answered.push(...(await Promise.all(who.map((peer) => report(peer, ip, jail)))));
      }
    }),
  );
  return answered;
}

/** Every event that a server publishes from now on, in the order in which it comes. */
async function listen(peer: Peer): Promise<Event[]> {
  const events: Event[] = [];
  const subscription = peer.subscribe();
  // The first says that it is heard.
  await subscription.receive();
  void (async () => {
    for (;;) {
      const message = await subscription.receive();
      if (message === undefined) return;
      const read = parsePublication(message.subject, message.body);
      if (!read.ok || read.value.kind !== 'events') continue;
      for (const event of read.value.events) if (event.kind !== 'unknown') events.push(event);
    }
  })();
  return events;
}

/** What a stopped server's file has in the tables that hold all that was reported, counted and published. */
function tablesOf(server: FleetServer): Record<string, unknown[]> {
  const file = new DatabaseSync(hostPaths(server.root).ledger, { readOnly: true });
  try {
    const names = ['events', 'bans', 'supporters', 'votes', 'reports'];
    return Object.fromEntries(names.map((name) => [name, file.prepare(`SELECT * FROM ${name}`).all()]));
  } finally {
    file.close();
  }
}

/** The events that do not continue the one before. */
function tailFaults(events: readonly Event[]): number[] {
  let [seq, tail] = [0, EMPTY_TAIL];
  const faults: number[] = [];
  for (const event of events) {
    const wanted = nextTail((text) => createHash('sha256').update(text).digest('hex'), tail, event);
    if (event.seq !== seq + 1 || event.tail !== wanted) faults.push(event.seq);
    [seq, tail] = [event.seq, event.tail];
  }
  return faults;
}

/** The bans that were published though too few hosts reported them, more than once, or not though enough did. */
function wrongBans(answered: readonly Answered[], events: readonly Event[]): string[] {
  const hosts = new Map<string, Set<string>>();
  for (const { ip, jail, host } of answered) {
    const key = `${jail} ${ip}`;
    hosts.set(key, (hosts.get(key) ?? new Set()).add(host));
  }
  const published = new Map<string, number>();
  for (const { kind, ip, jail } of events) {
    assert.equal(kind, 'ban');
    published.set(`${jail} ${ip}`, (published.get(`${jail} ${ip}`) ?? 0) + 1);
  }
  const wrong: string[] = [];
  for (const key of new Set([...hosts.keys(), ...published.keys()])) {
    const wanted = (hosts.get(key)?.size ?? 0) >= (key.startsWith('portscan') ? 2 : 1) ? 1 : 0;
    const found = published.get(key) ?? 0;
    if (found !== wanted)
      wrong.push(`${key}: published ${found} times, reported by ${hosts.get(key)?.size} hosts`);
  }
  return wrong;
}

/** Has the database go on alone for a moment, and says after how many milliseconds a report got its RETRY then. */
async function withoutStandby(postgres: Postgres, peer: Peer): Promise<number> {
  const asked: Report = { prog: 'fail2ban', jail: 'sshd', ip: '46.0.0.1', durationSeconds: 60 } as Report;
  const ask = async (): Promise<string> => {
    const answer = await peer.ask({ kind: 'report', sender: peer.name as HostName, report: asked });
    assert.ok(answer.ok);
    return answer.reply.status;
  };
  postgres.set({ synchronous_standby_names: '' });
  const began = performance.now();
  // Until the database has read its settings anew the standby has what is answered.
  const isRefused = async (): Promise<true | undefined> => ((await ask()) === 'RETRY' ? true : undefined);
  await untilAnswered(isRefused, 20_000, () => 'RETRY without a standby');
  const ms = Math.round(performance.now() - began);
  await assertInTime(ms, RETRY_MS);
  postgres.set({ synchronous_standby_names: 'second' });
  const isTaken = async (): Promise<true | undefined> => ((await ask()) === 'OK' ? true : undefined);
  await untilAnswered(isTaken, 20_000, () => 'a report with a standby');
  return ms;
}

/**
 * Has nobody confirm what is committed, and cancels every wait for that while a report is under way: PostgreSQL then says of each that it was
 * committed. Says what the report was answered, and after how many cancelled waits; asked again with a standby it is taken.
 */
async function cancelledWait(
  postgres: Postgres,
  peer: Peer,
): Promise<{ answered: string; cancelled: number }> {
  const asked = { prog: 'fail2ban', jail: 'sshd', ip: '46.0.0.2', durationSeconds: 60 } as Report;
  const id = makeId();
  const ask = async (): Promise<string> => {
    const answer = await peer.ask({ kind: 'report', sender: peer.name as HostName, report: asked }, { id });
    assert.ok(answer.ok);
    return answer.reply.status;
  };
  postgres.set({ synchronous_standby_names: 'nobody' });
  let answered: string | undefined;
  const first = ask().then((status) => (answered = status));
  let cancelled = 0;
  const cancel = async (): Promise<string | undefined> => {
    const waiting = "pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'banshare'";
    cancelled += Number(postgres.sql(`SELECT count(pg_cancel_backend(pid)) FROM ${waiting}`));
    return answered;
  };
  await untilAnswered(cancel, 20_000, () => 'an answer to a report whose commit was cancelled');
  const given = await first;
  postgres.set({ synchronous_standby_names: 'second' });
  await untilAnswered(
    async () => (await ask()) === 'OK' || undefined,
    20_000,
    () => 'the same report with a standby',
  );
  return { answered: given, cancelled };
}

async function statusOf(server: FleetServer): Promise<Status> {
  return server.json<Status>('status');
}

test(
  'two servers that are told of the same at once lose nothing, publish nothing twice and count each quorum right, and the log alone makes the same ledger',
  { skip },
  async (t) => {
    const { stand, pairs } = await Stand.start();
    const { a, b, blank } = stand;
    const [one, two] = pairs[0] ?? [];
    assert.ok(one !== undefined && two !== undefined);
    const heard = [await listen(one), await listen(two)] as const;
    const answered = await load(pairs);
    const published = answered.filter(({ verdict }) => verdict === 'accepted').length;
    await untilAnswered(
      async () => heard.every(({ length }) => length >= published) || undefined,
      20_000,
      () =>
        `${published} events at both servers; there were ${heard.map(({ length }) => length).join(' and ')}`,
    );
    t.diagnostic(
      `${answered.length} reports answered OK in ${LOAD_MS / 1000} s, ${published} bans published`,
    );
    assert.deepEqual(tailFaults(heard[0]), []);
    assert.deepEqual(heard[1], heard[0]);
    assert.deepEqual(wrongBans(answered, heard[0]), []);
    assert.equal(heard[0].length, published);
    const heads = await Promise.all([a, b].map(async (server) => (await statusOf(server)).head));
    assert.deepEqual(heads, [published, published]);
    t.diagnostic(`without a standby RETRY after ${await withoutStandby(stand.postgres, two)} ms`);
    const { answered: given, cancelled } = await cancelledWait(stand.postgres, one);
    t.diagnostic(
      `a report whose commit was cancelled was answered ${given}, ${cancelled} waits were cancelled`,
    );
    assert.deepEqual([given, cancelled > 0], ['RETRY', true]);
    await Promise.all([a.stop(), b.stop()]);
    // It opens its ports once it has applied the whole log, and it has nothing else.
    await blank.start();
    const entries = (await statusOf(blank)).shared.applied;
    await blank.stop();
    t.diagnostic(`rebuilt of ${entries} entries`);
    const [ofA, ofB, rebuilt] = [a, b, blank].map(tablesOf);
    for (const name of ['events', 'bans', 'supporters', 'votes', 'reports']) {
      assert.deepEqual(ofA?.[name], rebuilt?.[name], name);
      assert.deepEqual(ofB?.[name], rebuilt?.[name], name);
    }
  },
);
