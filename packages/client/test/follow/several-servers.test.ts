import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HostName } from '@banshare/protocol';
import { readServerNote, type HostPaths } from '@banshare/runtime';
import { makeIdentity, writeHostKey } from '@banshare/transport';
import { Folder, Program } from '../../../../test/fleet/index.ts';
import type { Surroundings } from '../../../../test/fleet/program.ts';
import { layHostRoot, serverLines } from '../../../../test/fleet/roots.ts';
import { ServerChoice } from '../../src/server/server-choice.ts';
import { chain, HandMadeServer, start } from '../hand-made-server.ts';
import { ip } from '../make.ts';

const SERVERS = ['127.0.0.1', '127.0.0.2'] as const;
const MOVED = /Follows another server than before/;

/** A host's real client, and two servers that the test plays; the client is in step with the first of its order. */
class Trio implements AsyncDisposable {
  readonly paths: HostPaths;
  readonly client: Program;
  readonly own: HandMadeServer;
  readonly next: HandMadeServer;
  readonly #folder: Folder;

  private constructor(
    folder: Folder,
    paths: HostPaths,
    [own, next]: readonly [HandMadeServer, HandMadeServer],
    surroundings: Surroundings,
  ) {
    this.#folder = folder;
    this.paths = paths;
    this.own = own;
    this.next = next;
    this.client = new Program('client', ['--root', folder.path], surroundings);
  }

  /** @param name of which both are, as the client finds it in a hosts file of its own, instead of their addresses. */
  static async start(history = 1, name?: string): Promise<Trio> {
    const folder = new Folder();
    const identity = await makeIdentity();
    const first = await HandMadeServer.start();
    first.record(history);
    const second = await HandMadeServer.start(first);
    const keys = { server: first.curve, join: first.curve };
    const toml = `${serverLines(first.ports, keys, name ?? SERVERS)}[apply]\nenforcer = "none"\n[log]\nlevel = "info"\n`;
    const paths = layHostRoot(folder.path, toml);
    writeHostKey(paths.keys.host, identity, 'h1' as HostName);
    const { current } = new ServerChoice(SERVERS, identity.publicHex);
    const inOrder =
      name !== undefined || current === SERVERS[0] ? ([first, second] as const) : ([second, first] as const);
    for (const server of inOrder) {
      server.now = Date.now() / 1000;
      server.beat();
    }
    const trio = new Trio(folder, paths, inOrder, name === undefined ? {} : knowing(folder, name));
    await trio.client.line(/^banshare-client ready /);
    return trio;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.stop('SIGKILL');
    await this.own[Symbol.asyncDispose]();
    await this.next[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }

  /** The IPs of the servers as the reporter finds them, in order. */
  get noted(): string[] {
    return readServerNote(this.paths.serverAddress)?.servers.map(({ ip }) => ip) ?? [];
  }
}

/** A mount namespace of the program's own, where a name stands for both addresses. */
function knowing({ path }: Folder, name: string): Surroundings {
  const hosts = join(path, 'hosts');
  writeFileSync(hosts, SERVERS.map((address) => `${address} ${name}\n`).join(''));
  return {
    through: ['unshare', '--mount', 'sh', '-c', `mount --bind '${hosts}' /etc/hosts && exec "$@"`, 'sh'],
  };
}

function addressOf({ address }: HandMadeServer): string {
  return /\d+\.\d+\.\d+\.\d+/.exec(address.reportEndpoint)?.[0] ?? '';
}

function silenceOf(server: HandMadeServer): RegExp {
  return new RegExp(`Not connected: nothing was heard from ${addressOf(server)} for 5 s; going on with`);
}

test('a host leaves a server that is stale for one that is not, asks that after its own position, and notes it for the reporter', async () => {
  await using trio = await Trio.start();
  const { own, next, client } = trio;
  assert.deepEqual(trio.noted, [own, next].map(addressOf));
  own.isStale = true;
  await client.line(MOVED);
  assert.deepEqual(trio.noted, [next, own].map(addressOf));
  // What happens there from now on arrives; what it had is asked for by nobody.
  await next.publish(...next.record(1));
  await client.line(/Ban .*203\.0\.113\.2/);
  assert.deepEqual(next.syncs, []);
});

test('a host whose servers all are stale stays, and one whose servers all are silent goes round and is in step with the first that is back', async () => {
  await using trio = await Trio.start();
  const { own, next, client } = trio;
  const { answer } = own;
  for (const server of [own, next]) {
    server.isStale = true;
    // Whoever cannot write may leave questions unanswered, and has said why.
    server.answer = () => undefined;
    await server.heartbeat();
  }
  own.hush();
  await client.line(silenceOf(own));
  await client.line(MOVED);
  next.hush();
  await client.line(silenceOf(next));
  own.isStale = false;
  own.answer = answer;
  own.beat();
  await client.line(MOVED);
  await own.publish(...own.record(1));
  await client.line(/Ban .*203\.0\.113\.2/);
  assert.equal(client.said.filter((line) => MOVED.test(line)).length, 2);
});

test(
  'a host goes from one address of its server’s name to the next, stays there, and comes back only where that is silent too',
  { skip: process.getuid?.() === 0 ? false : 'needs root' },
  async () => {
    await using trio = await Trio.start(1, 'bans.test');
    const { own, next, client } = trio;
    const silent = /nothing was heard from bans\.test for 5 s; trying again/;
    assert.deepEqual(trio.noted, [addressOf(own)]);
    own.hush();
    await client.line(silent);
    await next.publish(...next.record(1));
    await client.line(/Ban .*203\.0\.113\.2/);
    assert.deepEqual(trio.noted, [addressOf(next)]);
    own.history = next.history;
    own.beat();
    next.hush();
    await client.line(silent);
    await own.publish(...own.record(1));
    await client.line(/Ban .*203\.0\.113\.3/);
    assert.deepEqual(trio.noted, [addressOf(own)]);
  },
);

test('a host whose server falls silent has listened to the next one before it leaves, and needs no word of it after that to be there', async () => {
  await using trio = await Trio.start();
  const { own, next, client } = trio;
  own.hush();
  await client.line(silenceOf(own));
  next.hush();
  await client.line(MOVED);
  // What it heard there was of its own position: nothing was asked for.
  assert.deepEqual(next.syncs, []);
});

test('a host leaves a server that publishes and answers nothing, once: where the other does not answer either, it rests', async () => {
  await using trio = await Trio.start();
  const { own, next, client } = trio;
  for (const server of [own, next]) {
    server.answer = () => undefined;
    server.syncAnswer = () => undefined;
  }
  await client.line(MOVED);
  const asked = next.asked.length;
  // Two more questions without an answer.
  while (next.asked.length < asked + 2) await next.nextQuestion();
  assert.equal(client.said.filter((line) => MOVED.test(line)).length, 1);
});

test('a host lifts nothing at a server of an epoch that it has left, and goes from there to one of its own', async () => {
  await using trio = await Trio.start();
  const { own, next, client } = trio;
  // As after a restored backup, of which the other server does not know yet.
  own.history = chain(start('e2'), 1, { ip: ip('203.0.113.77') });
  await client.line(/Ban .*203\.0\.113\.77/);
  own.hush();
  await client.line(MOVED);
  await client.line(/of an epoch that this host has left/);
  own.beat();
  await client.line(MOVED);
  assert.ok(
    client.said.every((line) => !/Unban .*203\.0\.113\.77/.test(line)),
    client.said.join('\n'),
  );
  assert.deepEqual(trio.noted, [own, next].map(addressOf));
});

test('hosts spread evenly over the servers, each stays with its own, and a server more moves only those that go to it', () => {
  const servers = ['a.example.org', 'b.example.org', 'c.example.org'] as const;
  const keys = Array.from({ length: 3000 }, (_, index) => `key ${index}`);
  const counts = new Map<string, number>();
  for (const key of keys) {
    const { current, order } = new ServerChoice(servers, key);
    counts.set(current, (counts.get(current) ?? 0) + 1);
    assert.deepEqual(new ServerChoice(['c.example.org', 'a.example.org', 'b.example.org'], key).order, order);
    const more = new ServerChoice([...servers, 'd.example.org'], key);
    assert.ok(more.current === 'd.example.org' || more.current === current);
    const fewer = order.slice(1) as [string, ...string[]];
    assert.deepEqual(new ServerChoice(fewer, key).order, fewer);
  }
  for (const server of servers)
    assert.ok(Math.abs((counts.get(server) ?? 0) - 1000) < 150, `${server} ${counts.get(server)}`);
});

test('a choice goes round, says when it has been everywhere, and leaves the deaf for others only once a minute', () => {
  let now = 1000;
  const told: string[] = [];
  const choice = new ServerChoice(
    ['a', 'b'],
    'k',
    (order) => void told.push(order.join(' ')),
    () => now,
  );
  const [first, second] = choice.order as [string, string];
  assert.equal(choice.goOn(), false);
  assert.equal(choice.current, second);
  assert.equal(choice.goOn(), true);
  assert.equal(choice.goOn(), false);
  choice.settle();
  assert.equal(choice.goOn(), false);
  assert.deepEqual(told, [
    `${first} ${second}`,
    `${second} ${first}`,
    `${first} ${second}`,
    `${second} ${first}`,
    `${first} ${second}`,
  ]);
  assert.equal(choice.isDeaf(), true);
  choice.goOn();
  assert.equal(choice.isDeaf(), false);
  now += 61;
  assert.equal(choice.isDeaf(), true);
  const only = new ServerChoice(['a'], 'k');
  assert.equal(only.isDeaf(), false);
  assert.equal(only.goOn(), true);
});
