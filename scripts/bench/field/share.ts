import type { Fleet } from '../../../test/lab/ground/fleet.ts';
import type { Host } from '../../../test/lab/ground/host.ts';
import { Fault } from '../../say.ts';
import { median, quantile, type Figure } from '../figures.ts';
import { Rules } from './rules.ts';
import { time, type Found, type Way } from './ways.ts';

const ROUNDS = 15;
const WARM_UP = 3;
/** CrowdSec's decisions, spread over the 10 s between two polls of its bouncers. */
const DECISIONS = 8;
const POLL_MS = 10_000;
const GOAL = 50;
const JOB = 'one ban, until 3 hosts drop it';

/** What clients are told to ban with. The command is not the default one's words: for those they take fail2ban's socket. */
const ENFORCERS = {
  command: 'enforcer = "command"\ncommand = "fail2ban-client set JAIL banip SRCIP"',
  fail2ban: 'enforcer = "fail2ban"',
  nftables: 'enforcer = "nftables"',
} as const;

/** Gives a host's client another [apply] and starts it with that. */
export async function restartWith(fleet: Fleet, host: Host, apply: string): Promise<void> {
  await fleet.stop(host);
  await host.write('/etc/banshare/client.toml', `[apply]\n${apply}\n`);
  await fleet.start(host);
}

/** The time from a program being started until all of three hosts have the address in their kernel: ours, and CrowdSec's. */
export async function measureShare(
  fleet: Fleet,
  reporter: Host,
  hosts: readonly Host[],
  hasCrowdSec: boolean,
): Promise<Found<Figure>> {
  const listen = (): Promise<Rules[]> => Promise.all(hosts.map((host) => Rules.of(host)));
  let rules: Rules[] = [];
  const ways: Way[] = [];
  const medians: number[] = [];
  for (const [index, [name, apply]] of Object.entries(ENFORCERS).entries()) {
    await Promise.all(hosts.map((host) => restartWith(fleet, host, apply)));
    // nft's monitor goes deaf when a table comes with many elements, as what the enforcer before had is handed over.
    await Promise.all(rules.map((each) => each.close()));
    rules = await listen();
    const times = await ours(reporter, rules, `203.0.113.${index * 50}`);
    medians.push(median(times));
    ways.push(wayOf(`banshare, ${name}`, times, 'banshare-report started'));
  }
  const figures: Figure[] = [];
  if (hasCrowdSec) {
    const times = await crowdSec(fleet.server, rules);
    ways.push(wayOf('CrowdSec, firewall bouncer', times, '`cscli decisions add` started'));
    const theirs = median(times);
    // nftables is what CrowdSec's bouncer uses too.
    for (const [index, name] of Object.keys(ENFORCERS).entries()) {
      const own = medians[index] ?? Number.NaN;
      const raw = `${time(theirs)} : ${time(own)}`;
      figures.push({
        name: `CrowdSec : banshare, ${name}`,
        value: theirs / own,
        unit: '×',
        bound: 'least',
        goal: GOAL,
        raw,
      });
    }
  }
  await Promise.all(rules.map((each) => each.close()));
  return { ways, figures };
}

function wayOf(way: string, times: readonly number[], from: string): Way {
  const raw = `${from}; median of ${times.length}, ${time(Math.min(...times))} to ${time(quantile(times, 1))}`;
  return { job: JOB, way, ms: median(times), raw };
}

async function ours(reporter: Host, rules: readonly Rules[], first: string): Promise<number[]> {
  const [, network = '', start = ''] = /^(.*)\.(\d+)$/.exec(first) ?? [];
  const times: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const ip = `${network}.${Number(start) + round + WARM_UP}`;
    const took = await one(reporter, ['banshare-report', 'fail2ban', 'banshare', ip], ip, rules);
    if (round >= 0) times.push(took);
  }
  return times;
}

async function crowdSec(server: Host, rules: readonly Rules[]): Promise<number[]> {
  const add = (ip: string): Promise<number> =>
    one(server, ['cscli', 'decisions', 'add', '-i', ip], ip, rules);
  // With the first one everything of CrowdSec is in memory, and the next poll is up to 10 s away, as for any ban.
  await add('198.51.100.1');
  const adding: Promise<number>[] = [];
  for (let index = 0; index < DECISIONS; index += 1) {
    adding.push(add(`198.51.100.${index + 2}`));
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, POLL_MS / DECISIONS);
    await promise;
  }
  return Promise.all(adding);
}

async function one(
  host: Host,
  argv: readonly string[],
  ip: string,
  rules: readonly Rules[],
): Promise<number> {
  const began = performance.now();
  const everywhere = Promise.all(rules.map((each) => each.until(ip)));
  const [{ code, stderr }, times] = await Promise.all([host.run(argv), everywhere]);
  if (code !== 0) throw new Fault(`"${argv.join(' ')}" ended with ${String(code)}: ${stderr}`);
  return Math.max(...times) - began;
}
