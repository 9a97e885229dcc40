import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { isLong } from '../chaos/chance.ts';
import { startFleet, untilAnswered, type Fleet } from '../fleet/index.ts';
import { Postgres, postgresSkip } from '../fleet/database/postgres.ts';
import { Folder } from '../fleet/roots.ts';
import { FleetServer } from '../fleet/server.ts';
import { layAs } from '../fleet/database/shared-servers.ts';
import { assertNothingLost, Load } from './load.ts';
import { layNewer } from './newer-program.ts';

// A server alone, then two on one ledger, while hosts report without a pause.
const NAMES = Array.from({ length: isLong ? 12 : 4 }, (_, index) => `h${index + 1}`);
/** So many addresses are reported between two steps. */
const SOME = isLong ? 60 : 10;
const COMPARES = /Compares with all bans of the server/;

const skip = postgresSkip();
const parts = new AsyncDisposableStack();
after(() => parts.disposeAsync());
let fleet: Fleet;
let postgres: Postgres;
let newer: string;
let load: Load;
before(async () => {
  if (skip !== false) return;
  newer = layNewer(parts.use(new Folder()).path);
  postgres = parts.use(await Postgres.start());
  fleet = parts.use(await startFleet({ servers: ['127.0.0.1', '127.0.0.2'] }));
  for (const name of NAMES) await fleet.addReporter(name);
  // Some at a time: each has twenty seconds, in which it also tries the server that is not there yet.
  for (let first = 0; first < NAMES.length; first += 3)
    await Promise.all(NAMES.slice(first, first + 3).map((name) => fleet.layHost(name).start()));
  load = new Load(fleet, NAMES, 60);
  parts.defer(() => load.end());
});

/** Until so many addresses more were reported. */
async function reported(): Promise<void> {
  const enough = load.sent.length + SOME;
  const isSo = async (): Promise<true | undefined> => (load.sent.length >= enough ? true : undefined);
  await untilAnswered(isSo, 120_000, () => `${SOME} reports`);
}

/** How often each host compared with all bans of a server. */
function compared(): number[] {
  return NAMES.map((name) => fleet.host(name).said.filter((line) => COMPARES.test(line)).length);
}

function assertNothingLifted(): void {
  for (const name of NAMES)
    assert.deepEqual(
      fleet.host(name).commands.all.filter(([, , how]) => how !== 'banip'),
      [],
    );
}

test(
  'a ledger is moved into the log under load: same epoch, no client takes a snapshot, and nothing that was sent is lost',
  { skip },
  async () => {
    const { server } = fleet;
    const before = await server.json<{ epoch: string }>('status');
    await reported();
    const snapshots = compared();
    await server.says('ledger', 'move', `${postgres.url}?sslmode=disable`, '--durability', 'none');
    const isBack = async (): Promise<true | undefined> =>
      (await server.command('status', '--json')).stdout === '' ? undefined : true;
    await untilAnswered(isBack, 20_000, () => 'the server that has moved its ledger');
    await reported();
    assert.equal((await server.json<{ epoch: string }>('status')).epoch, before.epoch);
    assert.deepEqual(compared(), snapshots);
    assertNothingLifted();
  },
);

/** What a stopped server's file has in the tables that hold what was reported and published, and in that of the planted step. */
function tablesOf(server: FleetServer): Record<string, unknown[]> {
  const file = new DatabaseSync(server.paths.ledger);
  try {
    const names = ['events', 'bans', 'supporters', 'votes', 'reports', 'planted', 'audit'];
    return Object.fromEntries(names.map((name) => [name, file.prepare(`SELECT * FROM ${name}`).all()]));
  } finally {
    file.close();
  }
}

test(
  'two servers are upgraded one after the other under load, with a step of the tables: nothing that was sent is lost, no host lifts anything, and both have the same rows, also those that the step made',
  { skip },
  async (t) => {
    const toml = `[ledger]\nlog = "${postgres.url}?sslmode=disable"\ndurability = "none"\n`;
    const a = fleet.server;
    const root = parts.use(new Folder()).path;
    const b = new FleetServer(`${root}/b`, toml, '127.0.0.2', a.ports);
    parts.defer(() => b.close());
    await a.restart(toml);
    layAs(a, b);
    await b.start();
    await reported();
    // The hosts are at either by now, or all at the first: both have to take what the other took before.
    await a.stop();
    await a.start({ main: newer });
    await a.line(/The first with this version of the ledger/);
    await b.line(/install the banshare-server of the other servers here too/);
    await reported();
    await b.line(/Closed the ports/);
    await reported();
    await b.stop();
    await b.start({ main: newer });
    await reported();
    await load.end();
    await assertNothingLost(fleet, NAMES, a, load.sent);
    await assertNothingLost(fleet, NAMES, b, load.sent);
    assertNothingLifted();
    await Promise.all(NAMES.map((name) => fleet.host(name).stop()));
    const isSame = async (): Promise<true | undefined> => {
      const [one, other] = await Promise.all(
        [a, b].map((server) =>
          server.json<{ head: number; shared: { applied: number; last: number } }>('status'),
        ),
      );
      return one?.head === other?.head || undefined;
    };
    await untilAnswered(isSame, 20_000, () => 'equal heads');
    await Promise.all([a.stop(), b.stop()]);
    // What one wrote at its end the other has not applied: it is applied at its start.
    const [ofA, ofB] = [tablesOf(a), tablesOf(b)];
    for (const [name, rows] of Object.entries(ofA)) assert.deepEqual(ofB[name], rows, name);
    assert.ok(ofA['planted']?.length);
    t.diagnostic(
      `${load.sent.length} addresses reported, ${ofA['planted']?.length} of ${ofA['reports']?.length} rows from before the step`,
    );
  },
);
