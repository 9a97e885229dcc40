import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFleet, type Fleet, type FleetHost } from '../fleet/index.ts';
import { Chance } from './chance.ts';
import { Load, reporters } from './load.ts';
import {
  assertConverged,
  bansOfServer,
  statusOfClient,
  statusOfServer,
  until,
  untilInStep,
} from './state-of.ts';

/** How many events a server loses when its machine goes back to a snapshot. */
const LOST = 50;

/** The ledger of a stopped server, as a snapshot of its machine has it. */
function keepLedger(fleet: Fleet): string {
  const copy = join(fleet.server.root, 'snapshot');
  rmSync(copy, { recursive: true, force: true });
  cpSync(fleet.server.paths.serverState, copy, { recursive: true });
  return copy;
}

function rollBack(fleet: Fleet, copy: string): void {
  rmSync(fleet.server.paths.serverState, { recursive: true });
  cpSync(copy, fleet.server.paths.serverState, { recursive: true });
}

test('A server rolled back by 50 events lifts nothing, says so with its hosts, and goes on once it has passed them', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  const { server } = fleet;
  using load = new Load(fleet, await reporters(fleet, 4), chance);
  await load.send(20);
  await server.stop();
  const copy = keepLedger(fleet);
  await server.start();
  await load.send(LOST);
  const before = await assertConverged(fleet);
  await server.kill9();
  rollBack(fleet, copy);
  await server.start();
  const hosts = [...fleet.hosts.values()];
  for (const host of hosts) await untilPhase(host, 'lagging');
  // One that starts anew holds as well.
  await fleet.host('h2').stop('SIGKILL');
  fleet.host('h2').launch();
  await untilPhase(fleet.host('h2'), 'lagging');
  await until('the server says that it is an older copy', 20_000, async () => {
    const { code, stdout } = await server.command('status');
    return code === 1 && stdout.includes('is an older copy');
  });
  await load.send(2 * LOST);
  const known = new Set((await bansOfServer(server)).map(({ ip }) => ip));
  const lost = before.filter(({ ip }) => !known.has(ip));
  assert.ok(lost.length > 0);
  for (const host of hosts) await untilInStep(fleet, host);
  for (const host of hosts) {
    const { stdout, code } = await host.command('status', '--json');
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as { lacking: number }).lacking, lost.length);
    assert.ok(
      host.commands.all.every(([, , verb]) => verb === 'banip'),
      'nothing was lifted',
    );
  }
  await until('the server says what it lacks', 20_000, async () => {
    const { code, stdout } = await server.command('status');
    return code === 1 && stdout.includes(`h1 holds ${lost.length} bans that this ledger lacks`);
  });
  const [unknown] = lost;
  assert.ok(unknown !== undefined);
  assert.equal((await server.command('unban', unknown.ip)).code, 0);
  for (const host of hosts)
    await until('an operator lifts what the server lacks', 20_000, () =>
      host.commands.all.some(([, , verb, ip]) => verb === 'unbanip' && ip === unknown.ip),
    );
  // Only a new epoch lifts the rest.
  const file = join(server.root, 'backup');
  assert.equal((await server.command('backup', file)).code, 0);
  await server.stop();
  assert.equal((await server.command('restore', file)).code, 0);
  await server.start();
  await assertConverged(fleet);
});

/** Asks until a host's client is there. */
async function untilPhase(host: FleetHost, phase: string): Promise<void> {
  await until(`${host.name} is ${phase}`, 20_000, async () => (await statusOfClient(host))?.phase === phase);
  assert.equal((await host.command('status')).code, 1);
}

test('An older backup restored begins an epoch, and every host goes to what it holds', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  using load = new Load(fleet, await reporters(fleet, 2), chance);
  await load.send(30);
  const file = join(fleet.server.root, 'backup');
  const backup = await fleet.server.command('backup', file);
  assert.equal(backup.code, 0, backup.stderr);
  const held = await bansOfServer(fleet.server);
  await load.send(chance.integer(20, 60));
  await assertConverged(fleet);
  const before = await statusOfServer(fleet.server);
  await fleet.server.stop();
  const restored = await fleet.server.command('restore', file);
  assert.equal(restored.code, 0, restored.stderr);
  await fleet.server.start();
  const after = await statusOfServer(fleet.server);
  assert.notEqual(after?.epoch, before?.epoch);
  const bans = await assertConverged(fleet);
  assert.deepEqual(bans.map(({ ip }) => ip).sort(), held.map(({ ip }) => ip).sort());
  await load.send(10);
  await assertConverged(fleet);
});
