import type { Fleet } from '../../../test/lab/ground/fleet.ts';
import type { Host } from '../../../test/lab/ground/host.ts';
import { median, type Figure } from '../figures.ts';
import { Rules } from './rules.ts';
import { time, type Found } from './ways.ts';

const COUNT = 20_000;
/** Rather than until all are in, which takes minutes. */
const WATCHED_MS = 30_000;

/** A host that is new to a fleet with 20,000 active bans, and has fail2ban: how fast it gets them, and does fail2ban answer? */
export async function measureFresh(fleet: Fleet, host: Host): Promise<Found<Figure>> {
  // It enrols anew, with nothing of an earlier time.
  await host.output(['sh', '-c', 'rm -rf /var/lib/banshare/client/*']);
  await host.write('/etc/banshare/client.toml', '[apply]\nenforcer = "fail2ban"\n');
  const rules = await Rules.of(host);
  const began = performance.now();
  await fleet.start(host);
  await rules.untilCount(1);
  const pings: number[] = [];
  while (performance.now() - began < WATCHED_MS && rules.count < COUNT) {
    const asked = performance.now();
    await host.output(['fail2ban-client', 'ping']);
    pings.push(performance.now() - asked);
  }
  const took = performance.now() - began;
  const applied = rules.count;
  await rules.close();
  const worst = Math.max(...pings);
  const job = `fresh host, ${COUNT.toLocaleString('en')} active bans, fail2ban`;
  const all = (took * COUNT) / applied;
  const raw = `${pings.length} times \`fail2ban-client ping\`, median ${time(median(pings))}`;
  return {
    ways: [
      { job, way: 'until fail2ban has all', ms: all, raw: `reckoned from ${applied} in ${time(took)}` },
      { job, way: 'longest ping of fail2ban meanwhile', ms: worst, raw },
    ],
    figures: [
      {
        name: 'longest ping of fail2ban with 20,000 bans to apply',
        value: worst,
        unit: 'ms',
        bound: 'most',
        goal: 1000,
        raw,
      },
    ],
  };
}
