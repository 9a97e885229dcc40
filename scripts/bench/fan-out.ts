import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { HostKey } from '@banshare/transport';
import { curveKeyPair, Publisher } from 'zeromq';
import { Program } from '../demo/program.ts';
import { Fault } from '../say.ts';
import { median, show, type Figure } from './figures.ts';
import type { BenchFleet } from './fleet.ts';

const SIZES = [1000, 2000, 4000] as const;
const PROCESSES = 2;
const ROUNDS = 3;
/** Subscribers that take longer to connect are not waited for. */
const PATIENCE_MS = 30_000;

type Peer = { endpoint: string; serverKey: string; publicKey: string; secretKey: string };

/** From the first to the last of so many subscribers that hear of a ban, against a bare PUB with CURVE, and how that grows. */
export async function measureFanOut(fleet: BenchFleet, key: HostKey): Promise<Figure[]> {
  const figures: Figure[] = [];
  const spreads: Spread[] = [];
  for (const count of SIZES) {
    const spread = await spreadsOf(fleet, key, count);
    // A machine that is busy with other things does not connect so many in time.
    if (spread === undefined) break;
    spreads.push(spread);
    figures.push({
      name: `first to last of ${count} subscribers : bare PUB`,
      value: spread.ours / spread.bare,
      unit: '×',
      bound: 'most',
      goal: 1.2,
      raw: `${show(spread.ours, 'ms')} : ${show(spread.bare, 'ms')}`,
    });
  }
  return [...figures, ...slope(spreads)];
}

/** Milliseconds. */
type Spread = { count: number; ours: number; bare: number };

async function spreadsOf(fleet: BenchFleet, key: HostKey, count: number): Promise<Spread | undefined> {
  const { publishPort, serverPublicKey: serverKey } = fleet.fleet;
  const { publicKey, secretKey } = key.curve;
  const peer = { endpoint: `tcp://127.0.0.1:${publishPort}`, serverKey, publicKey, secretKey };
  const ip = (round: number): string => addressOf(count + round);
  try {
    const ours = await spreadOf(
      count,
      peer,
      (round) => ban(fleet, ip(round)),
      (round) => `operator;banshare;${ip(round)};operator `,
    );
    const bare = await withBarePublisher((other, send) =>
      spreadOf(count, other, send, (round) => `bare-${round} `),
    );
    return { count, ours, bare };
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

function slope(spreads: readonly Spread[]): Figure[] {
  const [first, last] = [spreads[0], spreads.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const thousands = (last.count - first.count) / 1000;
  const [ours, bare] = [(last.ours - first.ours) / thousands, (last.bare - first.bare) / thousands];
  const raw = `${show(ours, 'ms')} : ${show(bare, 'ms')} for each thousand more`;
  return [
    { name: 'fan-out, slope : bare PUB', value: ours / bare, unit: '×', bound: 'most', goal: 1.2, raw },
  ];
}

function addressOf(n: number): string {
  return `198.51.100.${n % 256}`;
}

function ban(fleet: BenchFleet, ip: string): void {
  const words = ['--root', join(fleet.folder, 'server'), 'ban', ip, '--for', '1m'];
  const done = spawnSync(join(fleet.bin, 'banshare-server'), words, { encoding: 'utf8' });
  if (done.status !== 0) throw new Fault(`ban failed: ${done.stderr}`);
}

/** Milliseconds, the median of some rounds. */
async function spreadOf(
  count: number,
  { endpoint, serverKey, publicKey, secretKey }: Peer,
  send: (round: number) => void | Promise<void>,
  markOf: (round: number) => string,
): Promise<number> {
  const script = join(import.meta.dirname, 'subscribers.ts');
  const words = [script, endpoint, serverKey, publicKey, secretKey, String(count / PROCESSES)];
  const programs = Array.from(
    { length: PROCESSES },
    () => new Program('subscribers', process.execPath, words),
  );
  const late = AbortSignal.timeout(PATIENCE_MS);
  try {
    await Promise.all(programs.map((program) => program.line((line) => line === 'ready')));
    const spreads: number[] = [];
    for (let round = 0; round < ROUNDS && !late.aborted; round += 1) {
      const mark = ` ${markOf(round)}`;
      const heard = programs.map((program) => program.line((line) => line.includes(mark)));
      await send(round);
      const times = (await Promise.all(heard)).map(({ text }) => text.split(' ').slice(-2).map(Number));
      const firsts = times.map(([first = 0]) => first);
      const lasts = times.map(([, last = 0]) => last);
      spreads.push(Math.max(...lasts) - Math.min(...firsts));
    }
    return median(spreads);
  } finally {
    await Promise.all(programs.map((program) => program.stop('SIGKILL')));
  }
}

async function withBarePublisher(
  work: (peer: Peer, send: (round: number) => Promise<void>) => Promise<number>,
): Promise<number> {
  const [server, client] = [curveKeyPair(), curveKeyPair()];
  const publisher = new Publisher({ linger: 0, curveServer: true, curveSecretKey: server.secretKey });
  await publisher.bind('tcp://127.0.0.1:*');
  const endpoint = publisher.lastEndpoint ?? '';
  const body = 'x'.repeat(300);
  const beat = setInterval(() => void publisher.send(['heartbeat', body]).catch(() => undefined), 500);
  try {
    const peer = { endpoint, serverKey: server.publicKey, ...client };
    return await work(peer, (round) => publisher.send([`bare-${round}`, body]));
  } finally {
    clearInterval(beat);
    publisher.close();
  }
}
