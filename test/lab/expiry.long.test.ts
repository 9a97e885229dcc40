import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilTrue } from './ground/deadline.ts';
import { startFleet, type Fleet } from './ground/fleet.ts';
import type { Host } from './ground/host.ts';
import { skipReason } from './ground/requirements.ts';

const PATIENCE_MS = 300_000;
/** One of so many is imported before, which says how long all take here. */
const SHARE = 3;
const LATE = '203.0.113.9';

for (const { enforcer, count } of [
  { enforcer: 'nftables', count: 5000 },
  // Each takes fail2ban some milliseconds.
  { enforcer: 'fail2ban', count: 600 },
]) {
  test(
    `${enforcer}: ${count} bans that end in the same second hold up no new ban`,
    { skip: skipReason() },
    async () => {
      await using fleet = await startFleet({
        hosts: ['h1'],
        clientConfig: { h1: `[apply]\nenforcer = "${enforcer}"\n` },
      });
      const h1 = fleet.host('h1');
      const staying = Math.ceil(count / SHARE);
      const seconds = Math.ceil(10 + 1.2 * SHARE * (await secondsToImport(fleet, h1, 45, staying, '1h')));
      await secondsToImport(fleet, h1, 46, count, `${seconds}s`, staying);
      const all = staying + count;
      await untilCounts(h1, 'the first to end', ({ applied = 0 }) => applied < all);
      await fleet.server.output(['banshare-server', 'ban', LATE]);
      await fleet.lab.attacker.untilDropped(h1, LATE, PATIENCE_MS);
      // Of what takes long, most is still to be lifted: the ban went before it.
      if (enforcer === 'fail2ban') assert.ok(((await counts(h1))['lifting'] ?? 0) > 0);
      await untilCounts(
        h1,
        'all to have ended',
        ({ applied = 0, lifting = 0 }) => applied + lifting === 1 + staying,
      );
    },
  );
}

/** Imports so many bans of a network and waits until they are in place beside those that are; the seconds that it took. */
async function secondsToImport(
  fleet: Fleet,
  host: Host,
  network: number,
  count: number,
  duration: string,
  beside = 0,
): Promise<number> {
  const began = performance.now();
  const lines = Array.from(
    { length: count },
    (_, n) => `${network}.0.${n >> 8}.${n & 255},${duration},ends\n`,
  );
  await fleet.server.write('/tmp/bans.csv', lines.join(''));
  await fleet.server.output(['banshare-server', 'import', '/tmp/bans.csv']);
  await untilCounts(host, 'all to be in place', ({ applied = 0 }) => applied === beside + count);
  return (performance.now() - began) / 1000;
}

type Counts = Readonly<Record<string, number>>;

async function counts(host: Host): Promise<Counts> {
  const status = await host.output(['banshare-client', 'status', '--json']);
  return (JSON.parse(status) as { bans: Counts }).bans;
}

async function untilCounts(host: Host, what: string, isSo: (bans: Counts) => boolean): Promise<void> {
  await untilTrue(PATIENCE_MS, what, async () => isSo(await counts(host)));
}
