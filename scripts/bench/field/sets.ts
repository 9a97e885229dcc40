import type { Host } from '../../../test/lab/ground/host.ts';
import { Fault } from '../../say.ts';
import { median, type Figure } from '../figures.ts';
import { addresses } from './addresses.ts';
import { Inside } from './inside.ts';
import { time, type Found, type Way } from './ways.ts';

/** A process each is measured with that many, and reckoned from there. */
const PROCESSES = 200;
/** How often each number of addresses is put in, by each way. */
const ROUNDS = new Map([
  [1, 25],
  [1000, 9],
  [10_000, 7],
]);
const BARE = 'add table inet bare; add set inet bare v4 { type ipv4_addr; flags timeout; }';

/** A kind of sets: how others fill one, and how many banshare's own holds. */
type Kind = {
  name: 'nftables' | 'ipset';
  make: readonly string[];
  flush: readonly string[];
  one: (ip: string) => string;
  file: readonly string[];
  lines: (ips: readonly string[]) => string;
  ours: readonly string[];
  flushOurs: readonly string[];
};

const KINDS: readonly Kind[] = [
  {
    name: 'nftables',
    make: ['nft', BARE],
    flush: ['nft', 'flush set inet bare v4'],
    one: (ip) => `nft add element inet bare v4 { ${ip} timeout 1d }`,
    file: ['nft', '-f', '-'],
    lines: (ips) => `add element inet bare v4 { ${ips.map((ip) => `${ip} timeout 1d`).join(', ')} }\n`,
    ours: ['nft', 'list', 'set', 'inet', 'banshare', 'v4'],
    flushOurs: ['nft', 'flush set inet banshare v4'],
  },
  {
    name: 'ipset',
    make: ['ipset', 'create', 'bare', 'hash:ip', 'timeout', '0'],
    flush: ['ipset', 'flush', 'bare'],
    one: (ip) => `ipset add bare ${ip} timeout 86400`,
    file: ['ipset', 'restore'],
    lines: (ips) => ips.map((ip) => `add bare ${ip} timeout 86400\n`).join(''),
    ours: ['ipset', 'list', 'banshare-v4'],
    flushOurs: ['ipset', 'flush', 'banshare-v4'],
  },
];

/** Many addresses into the kernel: a process each, one file, and banshare's enforcer, in turns. */
export async function measureSets(host: Host, kinds: readonly string[]): Promise<Found<Figure>> {
  const ways: Way[] = [];
  const figures: Figure[] = [];
  for (const kind of KINDS.filter(({ name }) => kinds.includes(name))) {
    await using inside = new Inside(host);
    await host.output(kind.make);
    const each = await oneByOne(host, kind);
    for (const [count, rounds] of ROUNDS) {
      const { bare, ours } = await inTurns(host, inside, kind, count, rounds);
      const job = `${count.toLocaleString('en')} into ${kind.name}`;
      const raw = `median of ${rounds}`;
      if (count > 1)
        ways.push({ job, way: 'a process each', ms: each * count, raw: `reckoned from ${PROCESSES}` });
      ways.push({ job, way: `one ${kind.file.join(' ')}`, ms: bare, raw });
      ways.push({ job, way: `banshare, ${kind.name}`, ms: ours, raw });
      // The goal of 1,000 is not the issue's, but nothing lies between.
      const name = `${job}, ours : one file`;
      const pair = `${time(ours)} : ${time(bare)}`;
      figures.push({ name, value: ours / bare, unit: '×', bound: 'most', goal: 2, raw: pair });
    }
  }
  return { ways, figures };
}

/** Milliseconds an address by a process each, as a shell script does it. */
async function oneByOne(host: Host, kind: Kind): Promise<number> {
  const script = addresses('44.0', PROCESSES).map(
    (ip) => `${kind.one(ip).replace(/[{}]/g, String.raw`\$&`)}\n`,
  );
  const began = performance.now();
  await host.output(['sh', '-e'], { input: script.join('') });
  return (performance.now() - began) / PROCESSES;
}

async function inTurns(
  host: Host,
  inside: Inside,
  kind: Kind,
  count: number,
  rounds: number,
): Promise<{ bare: number; ours: number }> {
  const ips = addresses('45.0', count);
  const times = { bare: [] as number[], ours: [] as number[] };
  for (let round = -1; round < rounds; round += 1) {
    await host.output(kind.flush);
    const bare = await inside.run(kind.file, kind.lines(ips));
    // As a client that has just started and knows of nothing; the first ban makes its table.
    await inside.enforcer(`[apply]\nenforcer = "${kind.name}"\n`);
    await inside.ban('sshd', ['44.1.0.1']);
    await host.output(kind.flushOurs);
    const ours = await inside.ban('sshd', ips);
    const held = (await host.output(kind.ours)).match(/\b45\.0\.\d+\.\d+\b/g)?.length ?? 0;
    if (held !== count) throw new Fault(`Of ${count} addresses banshare put ${held} into ${kind.name}`);
    await host.output(kind.flushOurs);
    if (round < 0) continue;
    times.bare.push(bare);
    times.ours.push(ours);
  }
  return { bare: median(times.bare), ours: median(times.ours) };
}
