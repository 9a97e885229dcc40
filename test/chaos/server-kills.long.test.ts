import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startFleet, within, type FleetServer } from '../fleet/index.ts';
import { Chance, isLong } from './chance.ts';
import { Load, reporters } from './load.ts';
import { assertConverged, moment } from './state-of.ts';

const KILLS = isLong ? 60 : 10;
const POINTS = ['before-commit', 'after-commit', 'before-answer', 'before-publish'] as const;

test('A server killed again and again under load keeps every report that it answered, once', async (t) => {
  const chance = new Chance(t);
  await using fleet = await startFleet({ hosts: ['h1', 'h2', 'h3'] });
  const { server } = fleet;
  using load = new Load(fleet, await reporters(fleet, 4), chance);
  const deaths: string[] = [];
  const reporting = load.run(() => deaths.length === KILLS);
  while (deaths.length < KILLS) deaths.push(await takeLife(server, chance));
  await server.ready();
  await within(reporting, 60_000, () => `every answer, after ${deaths.join(', ')}`);
  await assertEachOnce(load, server);
  await assertConverged(fleet);
  t.diagnostic(
    `${load.acknowledged.length} reports, ${load.resent} sendings in vain; died ${deaths.join(', ')}`,
  );
});

/** Kills what runs at a moment of chance, or lets the next life end at a failpoint. */
async function takeLife(server: FleetServer, chance: Chance): Promise<string> {
  if (chance.percent(50)) {
    const after = chance.integer(0, 2500);
    await moment(after);
    await server.kill9();
    // The next death may come while it starts.
    server.launch();
    return `after ${after} ms`;
  }
  const point = `${chance.pick(POINTS)}:${chance.integer(1, 10)}`;
  await server.kill9();
  server.launch({ env: { BANSHARE_FAILPOINT: point } });
  await within(server.ended, 30_000, () => `its death ${point}`);
  server.launch();
  return point;
}

/** What was answered OK is in the ledger once: each address was published in one event, which is the one that was answered. */
async function assertEachOnce(load: Load, server: FleetServer): Promise<void> {
  const { bans } = await server.json<{ bans: { ip: string; seq: number }[] }>('bans');
  const seqs = new Map(bans.map(({ ip, seq }) => [ip, seq]));
  assert.equal(bans.length, load.addresses);
  assert.equal(seqs.size, bans.length);
  for (const { ip, seq } of load.acknowledged) assert.equal(seqs.get(ip), seq, `the event of ${ip}`);
  const { head } = await server.json<{ head: number }>('status');
  assert.equal(head, load.addresses);
  for (const { ip } of load.acknowledged.slice(-5)) {
    const told = await server.json<{ reports: unknown[]; events: unknown[] }>('explain', ip);
    assert.equal(told.events.length, 1);
    assert.equal(told.reports.length, load.acknowledged.filter((report) => report.ip === ip).length);
  }
}
