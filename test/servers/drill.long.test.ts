import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLong } from '../chaos/chance.ts';
import { postgresSkip } from '../fleet/database/postgres.ts';
import { SharedServers } from '../fleet/database/shared-servers.ts';
import type { FleetServer } from '../fleet/server.ts';

/** A server that has just started drills after half a minute, and looks every ten seconds whether it is time. */
const FIRST_MS = 70_000;
/** The least that server.toml takes, and how much later a look, a claim of a server that is gone and a busy machine make it. */
const [EVERY_SECONDS, LATER_MS] = [60, 100_000];

type Drill = { at: number; what: string; details: { by?: string; ip?: string } };

/** The drills by the clock that a server knows of, oldest first. */
async function drillsAt(server: FleetServer): Promise<Drill[]> {
  const { entries } = await server.json<{ entries: Drill[] }>('audit');
  return entries.filter(({ what, details }) => what === 'drill' && details.by === 'clock');
}

test(
  'of two servers that are both told to drill by the clock one does, once for the fleet and in its time, and where one is gone the other does',
  { skip: postgresSkip() },
  async (t) => {
    await using all = await SharedServers.start({
      servers: ['127.0.0.1', '127.0.0.2'],
      serverToml: '[drill]\nevery = "1m"\n',
    });
    const { a, b, fleet } = all;
    await fleet.addReporter('h1');
    const host = fleet.layHost('h1');
    await host.start();
    /** The address that the host is told to ban and then to let go, nothing else. */
    const drilled = async (withinMs: number): Promise<string> => {
      const [, , ban, ip = ''] = await host.commands.next(withinMs);
      const [, , lift, same] = await host.commands.next();
      assert.deepEqual([ban, lift, same], ['banip', 'unbanip', ip]);
      return ip;
    };
    const ips = [await drilled(FIRST_MS), await drilled(EVERY_SECONDS * 1000 + LATER_MS)];
    if (isLong) {
      await a.kill9();
      ips.push(await drilled(EVERY_SECONDS * 1000 + LATER_MS));
    }
    const drills = await drillsAt(b);
    assert.deepEqual(
      drills.map(({ details }) => details.ip),
      ips,
    );
    if (!isLong) assert.deepEqual(await drillsAt(a), drills);
    const times = drills.map(({ at }) => at);
    const between = times.slice(1).map((at, index) => Math.round(at - (times[index] ?? 0)));
    t.diagnostic(`${drills.length} drills by the clock, ${between.join(' and ')} s between them`);
    for (const seconds of between) assert.ok(seconds >= EVERY_SECONDS, `${seconds} s`);
  },
);
