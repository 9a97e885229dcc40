import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFleet, type Fleet } from '../fleet/index.ts';
import { Chance, isLong } from './chance.ts';
import { Load, reporters } from './load.ts';
import { assertConverged, bansOfServer, statusOfServer } from './state-of.ts';

const ROUNDS = isLong ? 10 : 1;
/** How many events a server loses when its machine goes back to a snapshot. */
const LOST = 200;

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

/** Restarts every client a few times more often than not at all: position and tail must survive that. */
async function restartSome(fleet: Fleet, chance: Chance): Promise<void> {
  for (const host of fleet.hosts.values()) if (chance.percent(50)) await host.restart();
}

test('A server rolled back by 200 events is noticed by its head, or by its tail where new ones came, and repaired', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet({ hosts: ['h1', 'h2'] });
  using load = new Load(fleet, await reporters(fleet, 4), chance);
  for (let round = 0; round < ROUNDS; round += 1) {
    await load.send(50);
    await fleet.server.stop();
    const copy = keepLedger(fleet);
    await fleet.server.start();
    await load.send(LOST);
    await assertConverged(fleet);
    const before = await statusOfServer(fleet.server);
    await fleet.server.kill9();
    rollBack(fleet, copy);
    // As many new ones, more, or fewer: the head is ahead of the clients, the same, or behind.
    await fleet.server.start();
    await restartSome(fleet, chance);
    await load.send(chance.integer(1, 2 * LOST));
    const after = await statusOfServer(fleet.server);
    assert.equal(after?.epoch, before?.epoch);
    await assertConverged(fleet);
    t.diagnostic(`head ${before?.head} before, ${after?.head} afterwards`);
  }
});

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
