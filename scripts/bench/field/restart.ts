import { join } from 'node:path';
import type { Fleet } from '../../../test/lab/ground/fleet.ts';
import type { Host } from '../../../test/lab/ground/host.ts';
import { Fault } from '../../say.ts';
import type { Figure } from '../figures.ts';
import { addresses } from './addresses.ts';
import { Rules } from './rules.ts';
import type { Found } from './ways.ts';

const COUNT = 10_000;
/** One of the attacker's own addresses, which is banned like the others. */
const BANNED = '198.51.100.254';
const PROBE_MS = 1;
const LISTED = ['nft', 'list', 'set', 'inet', 'banshare', 'v4'];
/** Counts packets before banshare's rules, and those that got past them. */
const LEAKS = [
  'add table inet leaks',
  ...Object.entries({ came: -20, leaked: 0 }).flatMap(([name, priority]) => [
    `add counter inet leaks ${name}`,
    `add chain inet leaks ${name} { type filter hook input priority ${priority}; policy accept; }`,
    `add rule inet leaks ${name} ip saddr ${BANNED} counter name ${name}`,
  ]),
].join('; ');

/** Puts bans into the fleet that no host found: with their number the server's ledger has that many active ones. */
export async function importBans(fleet: Fleet, ips: readonly string[]): Promise<void> {
  await fleet.server.write('/tmp/bans.txt', `${ips.join('\n')}\n`);
  await fleet.server.output(['banshare-server', 'import', '/tmp/bans.txt'], { milliseconds: 60_000 });
}

/** A restart with 10,000 active bans in nftables: with the rules in place, and with none, as after a boot. */
export async function measureRestart(fleet: Fleet, host: Host): Promise<Found<Figure>> {
  const attacker = fleet.lab.attacker.host;
  await host.output(['nft', LEAKS]);
  const rules = await Rules.of(host);
  await importBans(fleet, [...addresses('46.0', COUNT - 1), BANNED]);
  await rules.untilCount(COUNT);

  const program = join(import.meta.dirname, 'probe-main.ts');
  const words = [BANNED, host.addresses.ipv4, String(PROBE_MS)];
  const probe = attacker.spawn([process.execPath, program, ...words]);
  await probe.line(/^probing$/);
  const began = performance.now();
  await fleet.stop(host);
  await fleet.start(host);
  const inStep = performance.now() - began;
  await held(host);
  probe.hangUp();
  await probe.ended;
  const [came, leaked] = [await counted(host, 'came'), await counted(host, 'leaked')];

  await fleet.stop(host);
  await host.output(['nft', 'flush ruleset']);
  rules.forget();
  const booted = performance.now();
  await fleet.start(host);
  const complete = (await rules.untilCount(COUNT)) - booted;
  await held(host);
  await rules.close();
  return found({ inStep, came, leaked, complete });
}

async function counted(host: Host, name: string): Promise<number> {
  const counter = await host.output(['nft', 'list', 'counter', 'inet', 'leaks', name]);
  return Number(/packets (\d+)/.exec(counter)?.[1]);
}

async function held(host: Host): Promise<void> {
  const count = (await host.output(LISTED)).match(/\d+\.\d+\.\d+\.\d+ timeout/g)?.length ?? 0;
  if (count < COUNT)
    throw new Fault(`Of ${COUNT} active bans only ${count} are in the kernel of ${host.name}`);
}

function found(of: { inStep: number; came: number; leaked: number; complete: number }): Found<Figure> {
  const job = `restart of a client with ${COUNT.toLocaleString('en')} active bans, nftables`;
  const raw = `of ${of.came} packets of a banned address, one each ${PROBE_MS} ms, ${of.leaked} got past`;
  const without = of.leaked * PROBE_MS;
  if (of.came === 0) throw new Fault('No packet of the banned address came, so that none could be dropped');
  return {
    ways: [
      {
        job,
        way: 'rules in place, stopped and in step again',
        ms: of.inStep,
        raw: 'all rules listed afterwards',
      },
      { job, way: 'time without rules meanwhile', ms: without, raw },
      { job, way: 'no rules, as after a boot', ms: of.complete, raw: 'started until the kernel has all' },
    ],
    figures: [
      { name: 'time without rules in a restart', value: without, unit: 'ms', bound: 'most', goal: 0, raw },
    ],
  };
}
