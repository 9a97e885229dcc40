import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseFleet } from '@banshare/runtime';
import { readHostKey } from '@banshare/transport';
import type { Fleet } from '../../../test/lab/ground/fleet.ts';
import type { Host } from '../../../test/lab/ground/host.ts';
import { Fault } from '../../say.ts';
import { median, quantile, type Figure } from '../figures.ts';
import { Rules } from './rules.ts';
import { time, type Found } from './ways.ts';

const ROUNDS = 40;
const WARM_UP = 4;
/** Where hrtime and performance.now() of this process stand apart; every process has the same hrtime. */
const APART_MS = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** From a message received on an idle client to the rule in its kernel, in turns with a bare `nft -f -` on the same host. */
export async function measureMoment(fleet: Fleet, reporter: Host, host: Host): Promise<Found<Figure>> {
  const rules = await Rules.of(host);
  await host.output(['nft', 'add table inet bare; add set inet bare v4 { type ipv4_addr; flags timeout; }']);
  const program = join(import.meta.dirname, 'witness-main.ts');
  const witness = host.spawn([process.execPath, program, ...wordsFor(fleet, reporter)]);
  await witness.line(/^heard nothing /);
  const from = async (word: string, ip: string): Promise<number> => {
    const [line, atMs] = await Promise.all([witness.line(new RegExp(`^${word} ${ip} `)), rules.until(ip)]);
    return atMs - (Number(line.split(' ')[2]) / 1e6 - APART_MS);
  };
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
    const [own, other] = [`198.51.100.${round + 150}`, `203.0.113.${round + 200}`];
    await reporter.output(['banshare-report', 'fail2ban', 'banshare', own]);
    const ours = await from('heard', own);
    witness.say(`${other}\n`);
    const bare = await from('began', other);
    if (round < WARM_UP) continue;
    times.ours.push(ours);
    times.bare.push(bare);
  }
  await witness.stop('SIGKILL');
  await rules.close();
  return found(times);
}

/** What the witness is told: it speaks with the reporter's key, whose client is stopped. */
function wordsFor(fleet: Fleet, reporter: Host): string[] {
  const generations = fleet.server.outside('/etc/banshare/generations');
  const [generation = ''] = readdirSync(generations);
  const read = parseFleet(readFileSync(join(generations, generation, 'fleet.toml'), 'utf8'));
  const key = readHostKey(reporter.outside('/etc/banshare/keys/host'));
  if (!read.ok) throw new Fault(read.fault);
  if (!key.ok) throw new Fault(key.fault);
  const { publishPort, serverPublicKey } = read.value;
  const { publicKey, secretKey } = key.value.curve;
  return [`tcp://${fleet.server.addresses.ipv4}:${publishPort}`, serverPublicKey, publicKey, secretKey];
}

function found({ ours, bare }: { ours: number[]; bare: number[] }): Found<Figure> {
  const [o, b] = [median(ours), median(bare)];
  const job = 'one ban on an idle client, until its kernel drops it';
  const raw = (all: number[]): string => `median of ${all.length}, p90 ${time(quantile(all, 0.9))}`;
  const figure: Figure = {
    name: 'message received to rule, nftables : bare nft -f -',
    value: o / b,
    unit: '×',
    bound: 'most',
    goal: 2,
    raw: `${time(o)} : ${time(b)}`,
  };
  return {
    ways: [
      { job, way: 'bare nft -f -', ms: b, raw: `nft started; ${raw(bare)}` },
      { job, way: 'banshare, nftables', ms: o, raw: `message received; ${raw(ours)}` },
    ],
    figures: [figure],
  };
}
