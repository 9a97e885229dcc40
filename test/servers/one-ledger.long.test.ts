import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { after, before, test, type TestContext } from 'node:test';
import {
  assertInTime,
  startFleet,
  untilAnswered,
  type Fleet,
  type FleetHost,
  type FleetServer,
} from '../fleet/index.ts';
import { isLong } from '../chaos/chance.ts';
import { ip, isInside, ownNetworkSkip, runInOwnNetwork } from '../chaos/own-network.ts';
import { Network } from '../chaos/surroundings.ts';
import { Cable } from '../fleet/cable.ts';
import { Postgres, postgresSkip } from '../fleet/database/postgres.ts';
import { assertNothingLost, ledgerOf, Load } from './load.ts';

// Two servers on one ledger, which is in a real PostgreSQL, and hosts that know both.
const NAMES = Array.from({ length: isLong ? 20 : 6 }, (_, index) => `h${index + 1}`);
/** It was silent for 5 s, or left a question without an answer for as long. */
const SILENT = /Not connected: /;
const MOVED = /Follows another server than before/;
/** A host is heard within so long of the death of its server, and comes to another within so long after its server lost its database. */
const [DEAD_MS, STALE_MS] = [7000, 10_000];
/** A reporter asks no longer. */
const REPORT_MS = 2000;

/** Where that can be all of it is in a network of its own, and the first server in another beyond a bridge: its machine can vanish. */
const network = isInside ? false : ownNetworkSkip('nsenter');
const HUB = isInside ? '10.9.0.254' : '127.0.0.1';
const ADDRESSES = [isInside ? '10.9.0.1' : '127.0.0.1', '127.0.0.2'] as const;
const isElsewhere = !isInside && network === false;
const skip = postgresSkip();
let fleet: Fleet;
let twin: FleetServer;
let postgres: Postgres;
/** That of the first server. */
let machine: Network | undefined;
/** The way of each server to the database. */
const cables = new Map<FleetServer, Cable>();
before(async () => {
  if (skip !== false || isElsewhere) return;
  const [first, second] = ADDRESSES;
  // The first of them stays: with it all others of its subnet would go.
  const addresses = [HUB, first].map((address) => `addr add ${address}/24 dev br0`);
  if (isInside) ip('link add br0 type bridge', ...addresses, 'link set br0 up');
  postgres = await Postgres.start();
  fleet = await startFleet({ servers: ADDRESSES, address: first });
  for (const name of NAMES) await fleet.addReporter(name);
  twin = await fleet.addTwin(second);
  await fleet.server.says('ledger', 'move', postgres.url, '--durability', 'none');
  const isBack = async (): Promise<true | undefined> =>
    (await fleet.server.command('status', '--json')).stdout === '' ? undefined : true;
  await untilAnswered(isBack, 20_000, () => 'the server that has moved its ledger');
  // The other one begins with the snapshot, as one that has joined.
  await twin.stop();
  for (const suffix of ['', '-wal', '-shm']) rmSync(twin.paths.ledger + suffix, { force: true });
  cpSync(fleet.server.paths.ledgerSecret, twin.paths.ledgerSecret);
  for (const server of [fleet.server, twin]) {
    const cable = await Cable.lay(postgres.port, HUB);
    cables.set(server, cable);
    const url = `postgres://${HUB}:${cable.port}/banshare?sslmode=disable`;
    await server.restart(`[ledger]\nlog = "${url}"\ndurability = "none"\n`);
  }
  if (isInside) {
    await fleet.server.stop();
    ip(`addr del ${first}/24 dev br0`);
    await startOnMachine();
  }
  // All at once would be 20 programs that start on one processor.
  for (let n = 0; n < NAMES.length; n += 5)
    await Promise.all(NAMES.slice(n, n + 5).map((name) => fleet.layHost(name).start()));
});
after(async () => {
  await fleet?.[Symbol.asyncDispose]();
  for (const cable of cables.values()) await cable[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
  await machine?.[Symbol.asyncDispose]();
});

/** Starts the first server on a machine of its own, as far as its network goes. */
async function startOnMachine(): Promise<void> {
  machine = await Network.open();
  machine.plug('br0', 'p-first', `${ADDRESSES[0]}/24`);
  await fleet.server.start(machine.inside);
}

function other(server: FleetServer): FleetServer {
  return server === twin ? fleet.server : twin;
}

async function serverOf(host: FleetHost): Promise<FleetServer> {
  const { stdout } = await host.command('status', '--json');
  return (JSON.parse(stdout) as { server: string }).server === twin.address ? twin : fleet.server;
}

/** Waits until all of these have noticed that their server is gone, and are at the other; milliseconds until the last was there. */
async function untilMoved(hosts: readonly FleetHost[], began: number, t: TestContext): Promise<number> {
  const last = async (pattern: RegExp): Promise<number> => {
    await Promise.all(hosts.map((host) => host.line(pattern)));
    return Math.round(performance.now() - began);
  };
  const [noticedMs, movedMs] = await Promise.all([last(SILENT), last(MOVED)]);
  t.diagnostic(
    `${hosts.length} hosts moved: the last has noticed after ${noticedMs} ms, and was there after ${movedMs} ms`,
  );
  return movedMs;
}

if (isElsewhere)
  runInOwnNetwork('several servers on one ledger, in a network of their own', import.meta.filename);
else several();

function several(): void {
  test(
    'a server is killed under load: every host is at the other within 7 s, and nothing that was sent is lost',
    { skip },
    async (t) => {
      const own = fleet.server;
      const moving: FleetHost[] = [];
      for (const name of NAMES) if ((await serverOf(fleet.host(name))) === own) moving.push(fleet.host(name));
      await using load = new Load(fleet, NAMES, 10);
      const killed = performance.now();
      await own.kill9();
      const ms = await untilMoved(moving, killed, t);
      await load.end();
      await assertInTime(ms, DEAD_MS);
      await assertNothingLost(fleet, NAMES, other(own), load.sent);
      await own.start(machine?.inside);
    },
  );

  test(
    'a server loses its database alone: a report of its host is accepted by the other at once, and its hosts go there within 10 s',
    { skip },
    async (t) => {
      // All are at one of them since the test before.
      const own = await serverOf(fleet.host('h1'));
      const cable = cables.get(own);
      assert.ok(cable !== undefined);
      await cable.cut();
      const cutAt = performance.now();
      const report = await fleet.report('h1', ['fail2ban', 'sshd', '45.99.0.1']);
      assert.deepEqual([report.code, report.stderr], [0, '']);
      await assertInTime(report.ms, REPORT_MS);
      await Promise.all(NAMES.map((name) => fleet.host(name).line(MOVED)));
      const ms = Math.round(performance.now() - cutAt);
      t.diagnostic(
        `without its database: a report accepted by the other after ${Math.round(report.ms)} ms, and ${NAMES.length} hosts there after ${ms} ms`,
      );
      await assertInTime(ms, STALE_MS);
      await using load = new Load(fleet, NAMES, 50);
      await untilAnswered(
        async () => (load.sent.length > 20 ? true : undefined),
        20_000,
        () => 'some reports',
      );
      await load.end();
      await assertNothingLost(fleet, NAMES, other(own), ['45.99.0.1', ...load.sent]);
      await cable.mend();
      const isBack = async (): Promise<true | undefined> =>
        (await ledgerOf(own)).length === (await ledgerOf(other(own))).length ? true : undefined;
      await untilAnswered(isBack, 20_000, () => 'the server that has its database again');
    },
  );

  test(
    'the whole machine of a server is gone under load, with its network and without a word to anybody: every host is at the other within 7 s, nothing that was sent is lost, and it catches up once it is back',
    { skip: skip || network },
    async (t) => {
      // All are at the first since the test before.
      const own = fleet.server;
      for (const name of NAMES) assert.equal(await serverOf(fleet.host(name)), own);
      await using load = new Load(fleet, NAMES, 90);
      await untilAnswered(
        async () => (load.sent.length > 20 ? true : undefined),
        20_000,
        () => 'some reports',
      );
      const gone = performance.now();
      // Its network first: no program of it can say good-bye.
      ip('link del p-first');
      await own.kill9();
      await machine?.[Symbol.asyncDispose]();
      const ms = await untilMoved(
        NAMES.map((name) => fleet.host(name)),
        gone,
        t,
      );
      await load.end();
      await assertInTime(ms, DEAD_MS);
      await assertNothingLost(fleet, NAMES, other(own), load.sent);
      await startOnMachine();
      const isBack = async (): Promise<true | undefined> =>
        (await ledgerOf(own)).length === (await ledgerOf(other(own))).length ? true : undefined;
      await untilAnswered(isBack, 30_000, () => 'the server whose machine is back');
      await assertNothingLost(fleet, NAMES, own, load.sent);
    },
  );
}
