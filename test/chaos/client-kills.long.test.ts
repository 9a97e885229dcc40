import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet, within, type FleetHost } from '../fleet/index.ts';
import { Chance, isLong } from './chance.ts';
import { Load, reporters } from './load.ts';
import { ask, assertConverged, moment } from './state-of.ts';

const KILLS = isLong ? 60 : 10;

test('A client killed between applying and saving, or at random, ends with every ban applied and every lift done', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet({ hosts: ['h1'] });
  const host = fleet.host('h1');
  const socket = fleet.server.paths.serverSocket;
  using load = new Load(fleet, await reporters(fleet, 3), chance);
  const deaths: string[] = [];
  let lifted = 0;
  const reporting = load.run(() => deaths.length === KILLS);
  while (deaths.length < KILLS) {
    deaths.push(await takeLife(host, chance));
    const { ip } = chance.pick(load.acknowledged);
    if (chance.percent(50) && (await ask(socket, 'unban', { ip })) !== undefined) lifted += 1;
  }
  await reporting;
  const active = await assertConverged(fleet);
  const runs = host.commands.all.filter(([, , verb]) => verb === 'banip').length;
  t.diagnostic(
    `${load.addresses} addresses, ${lifted} lifted, ${active.length} active, ${runs} ban commands; died ${deaths.join(', ')}`,
  );
  assert.ok(runs >= active.length);
});

/** Kills the client at a moment of chance, or lets its next life end between a command and the note of its outcome. */
async function takeLife(host: FleetHost, chance: Chance): Promise<string> {
  if (chance.percent(40)) {
    const after = chance.integer(0, 500);
    await moment(after);
    await host.stop('SIGKILL');
    host.launch();
    return `after ${after} ms`;
  }
  const point = `applied:${chance.integer(1, 12)}`;
  await host.stop('SIGKILL');
  host.launch({ env: { BANSHARE_FAILPOINT: point } });
  await within(host.ended, 30_000, () => `its death ${point}`);
  host.launch();
  return point;
}
