import { join } from 'node:path';
import type { HostKey } from '@banshare/transport';
import { curveKeyPair, Publisher, type Request } from 'zeromq';
import { Program } from '../demo/program.ts';
import { Fault } from '../say.ts';
import { median, show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';
import { connect, reportOf } from './latency.ts';

const SIZES = [1000, 2000, 4000] as const;
const PROCESSES = 2;
const ROUNDS = 9;
/** Thousands connect a hundred at a time. On a machine that is busy with other things they may take longer, and then are left out. */
const CONNECTED_WITHIN_MS = 90_000;
const PATIENCE_MS = 120_000;

type Reporter = Host & { key: HostKey };

type Peer = { endpoint: string; serverKey: string; publicKey: string; secretKey: string };

/** From the first to the last of so many subscribers that hear of a ban, against a bare PUB with CURVE, and how that grows. */
export async function measureFanOut(fleet: BenchFleet, reporter: Reporter): Promise<Figure[]> {
  const figures: Figure[] = [];
  const spreads: Spread[] = [];
  for (const count of SIZES) {
    const spread = await spreadsOf(fleet, reporter, count);
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

async function spreadsOf(fleet: BenchFleet, reporter: Reporter, count: number): Promise<Spread | undefined> {
  const { publishPort, reportPort, serverPublicKey: serverKey } = fleet.fleet;
  const { publicKey, secretKey } = reporter.key.curve;
  const peer = { endpoint: `tcp://127.0.0.1:${publishPort}`, serverKey, publicKey, secretKey };
  const ip = (round: number): string => `45.201.${count / 1000}.${round}`;
  // Over a connection that is there: a command's own start and end would share the processors with what is measured.
  const socket = connect(`tcp://127.0.0.1:${reportPort}`, serverKey, reporter.key.curve);
  try {
    const ours = await spreadOf(
      count,
      peer,
      (round) => report(socket, reporter, ip(round), serverKey),
      (round) => `fail2ban;postfix;${ip(round)};${reporter.name} `,
    );
    const bare = await withBarePublisher((other, send) =>
      spreadOf(count, other, send, (round) => `bare-${round} `),
    );
    return { count, ours, bare };
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  } finally {
    socket.close();
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

async function report(socket: Request, reporter: Reporter, ip: string, to: string): Promise<void> {
  const { subject, body, signature } = reportOf(ip, reporter, to);
  await socket.send([subject, body, signature]);
  const [status] = await socket.receive();
  if (String(status) !== 'OK') throw new Fault(`The report of ${ip} was answered ${String(status)}`);
}

/** Milliseconds, the median of some rounds. */
async function spreadOf(
  count: number,
  { endpoint, serverKey, publicKey, secretKey }: Peer,
  send: (round: number) => void | Promise<void>,
  markOf: (round: number) => string,
): Promise<number> {
  const script = join(import.meta.dirname, 'load/subscribers.ts');
  const words = [script, endpoint, serverKey, publicKey, secretKey, String(count / PROCESSES)];
  const programs = Array.from(
    { length: PROCESSES },
    () => new Program('subscribers', process.execPath, words),
  );
  const late = AbortSignal.timeout(PATIENCE_MS);
  try {
    await Promise.all(
      programs.map((program) => program.line((line) => line === 'ready', CONNECTED_WITHIN_MS)),
    );
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
  const beat = setInterval(() => void publisher.send(['heartbeat', body]).catch(() => undefined), 1000);
  try {
    const peer = { endpoint, serverKey: server.publicKey, ...client };
    return await work(peer, (round) => publisher.send([`bare-${round}`, body]));
  } finally {
    clearInterval(beat);
    publisher.close();
  }
}
