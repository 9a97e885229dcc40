import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import {
  assertInTime,
  startFleet,
  untilAnswered,
  type Fleet,
  type FleetHost,
  type FleetServer,
} from '../fleet/index.ts';
import { isLong } from '../chaos/chance.ts';
import { dropHere, isInside, ownNetworkSkip, runInOwnNetwork } from '../chaos/own-network.ts';
import { Cable } from '../fleet/cable.ts';
import { Postgres, postgresSkip } from '../fleet/database/postgres.ts';
import { assertNothingLost, ledgerOf, Load } from './load.ts';

// Two servers on one ledger, which is in a real PostgreSQL, and hosts that know both.
const NAMES = Array.from({ length: isLong ? 20 : 6 }, (_, index) => `h${index + 1}`);
const MOVED = /Follows another server than before/;
/** A host is heard within so long of the death of its server, and comes to another within so long after its server lost its database. */
const [DEAD_MS, STALE_MS] = [7000, 10_000];
/** A reporter asks no longer. */
const REPORT_MS = 2000;

/** Where that can be all of it is in a network of its own, in which packets can be dropped. */
const network = isInside ? false : ownNetworkSkip();
const isElsewhere = !isInside && network === false;
const skip = postgresSkip();
let fleet: Fleet;
let twin: FleetServer;
let postgres: Postgres;
/** The way of each server to the database. */
const cables = new Map<FleetServer, Cable>();
before(async () => {
  if (skip !== false || isElsewhere) return;
  postgres = await Postgres.start();
  fleet = await startFleet({ servers: ['127.0.0.1', '127.0.0.2'] });
  for (const name of NAMES) await fleet.addReporter(name);
  twin = await fleet.addTwin();
  await fleet.server.says('ledger', 'move', postgres.url, '--durability', 'none');
  const isBack = async (): Promise<true | undefined> =>
    (await fleet.server.command('status', '--json')).stdout === '' ? undefined : true;
  await untilAnswered(isBack, 20_000, () => 'the server that has moved its ledger');
  // The other one begins with the snapshot, as one that has joined.
  await twin.stop();
  for (const suffix of ['', '-wal', '-shm']) rmSync(twin.paths.ledger + suffix, { force: true });
  cpSync(fleet.server.paths.ledgerSecret, twin.paths.ledgerSecret);
  for (const server of [fleet.server, twin]) {
    const cable = await Cable.lay(postgres.port);
    cables.set(server, cable);
    const url = `postgres://127.0.0.1:${cable.port}/banshare?sslmode=disable`;
    await server.restart(`[ledger]\nlog = "${url}"\ndurability = "none"\n`);
  }
  // All at once would be 20 programs that start on one processor.
  for (let n = 0; n < NAMES.length; n += 5)
    await Promise.all(NAMES.slice(n, n + 5).map((name) => fleet.layHost(name).start()));
});
after(async () => {
  await fleet?.[Symbol.asyncDispose]();
  for (const cable of cables.values()) await cable[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

function other(server: FleetServer): FleetServer {
  return server === twin ? fleet.server : twin;
}

async function serverOf(host: FleetHost): Promise<FleetServer> {
  const { stdout } = await host.command('status', '--json');
  return (JSON.parse(stdout) as { server: string }).server === twin.address ? twin : fleet.server;
}

/** All that comes to a server or from it, its way to the database too. */
function packetsOf(server: FleetServer): string[] {
  const ports = `{ ${server.ports.report}, ${server.ports.publish} }`;
  const cable = cables.get(server)?.port ?? assert.fail('it has a way to the database');
  return [
    `ip daddr ${server.address} tcp dport ${ports}`,
    `ip saddr ${server.address} tcp sport ${ports}`,
    `tcp dport ${cable}`,
    `tcp sport ${cable}`,
  ];
}

if (isElsewhere)
  runInOwnNetwork('several servers on one ledger, in a network of their own', import.meta.filename);
else several();

function several(): void {
  test(
    'a server is killed under load: every host is at the other within 7 s, and nothing that was sent is lost',
    { skip },
    async () => {
      const own = await serverOf(fleet.host('h1'));
      const moving: FleetHost[] = [];
      for (const name of NAMES) if ((await serverOf(fleet.host(name))) === own) moving.push(fleet.host(name));
      const load = new Load(fleet, NAMES, 10);
      const killed = performance.now();
      await own.kill9();
      await Promise.all(moving.map((host) => host.line(MOVED)));
      const ms = performance.now() - killed;
      await load.end();
      assert.ok(ms < DEAD_MS, `${moving.length} hosts took ${ms} ms`);
      await assertNothingLost(fleet, NAMES, other(own), load.sent);
      await own.start();
    },
  );

  test(
    'a server loses its database alone: a report of its host is accepted by the other at once, and its hosts go there within 10 s',
    { skip },
    async () => {
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
      const ms = performance.now() - cutAt;
      assert.ok(ms < STALE_MS, `they took ${ms} ms`);
      const load = new Load(fleet, NAMES, 50);
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
    'the whole machine of a server is gone under load, without a word to anybody: every host is at the other within 7 s, nothing that was sent is lost, and it catches up once it is back',
    { skip: skip || network },
    async (t) => {
      // All are at one of them since the test before.
      const own = await serverOf(fleet.host('h1'));
      const load = new Load(fleet, NAMES, 90);
      await untilAnswered(
        async () => (load.sent.length > 20 ? true : undefined),
        20_000,
        () => 'some reports',
      );
      const gone = performance.now();
      dropHere(packetsOf(own));
      const ms = await Promise.all(
        NAMES.map(async (name) => {
          await fleet.host(name).line(MOVED);
          return performance.now() - gone;
        }),
      );
      await load.end();
      t.diagnostic(`${ms.length} hosts moved, the last after ${Math.round(Math.max(...ms))} ms`);
      assert.ok(Math.max(...ms) < DEAD_MS, `they took ${String(ms.map(Math.round))} ms`);
      await assertNothingLost(fleet, NAMES, other(own), load.sent);
      dropHere([]);
      const isBack = async (): Promise<true | undefined> =>
        (await ledgerOf(own)).length === (await ledgerOf(other(own))).length ? true : undefined;
      await untilAnswered(isBack, 30_000, () => 'the server whose machine is back');
      await assertNothingLost(fleet, NAMES, own, load.sent);
    },
  );
}
