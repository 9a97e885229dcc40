import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { HostName } from '@banshare/protocol';
import { makeCurvePair, type HostKey } from '@banshare/transport';
import { Program } from '../demo/program.ts';
import { Fault } from '../say.ts';
import { median, show, type Figure } from './figures.ts';
import { processorSeconds } from './load/processor-time.ts';
import type { BenchFleet, Host } from './load/fleet.ts';
import type { Senders } from './load/senders.ts';

const ROUNDS = 3;
const PROCESSES = 2;
const SENDERS = 100;
const EACH = 61;

/** Reports a second that 100 concurrent senders get answered, in turns with a ROUTER that only echoes. */
export async function measureThroughput(
  fleet: BenchFleet,
  reporter: Host & { key: HostKey },
  bareEcho: string,
): Promise<Figure[]> {
  const pair = await makeCurvePair();
  const echo = new Program('the bare echo', join(fleet.library, 'node'), [bareEcho, pair.secretKey]);
  const [, echoEndpoint = ''] = (await echo.line((line) => line.startsWith('ready'))).text.split(' ');
  const { reportPort, serverPublicKey } = fleet.fleet;
  const common = { key: reporter.key, name: reporter.name as HostName };
  const real = { ...common, endpoint: `tcp://127.0.0.1:${reportPort}`, serverKey: serverPublicKey };
  const bare = { ...common, endpoint: echoEndpoint, serverKey: pair.publicKey };
  const rates = { mac: [] as number[], signed: [] as number[], bare: [] as number[] };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      rates.mac.push((await load([{ ...real, isByMac: true }], 2 * round)).perSecond);
      rates.signed.push((await load([{ ...real, isByMac: false }], 2 * round + 1)).perSecond);
      rates.bare.push((await load([{ ...bare, isByMac: true }], 2 * round)).perSecond);
    }
  } finally {
    await echo.stop('SIGKILL');
  }
  const [r, s, b] = [median(rates.mac), median(rates.signed), median(rates.bare)];
  const raw = `${show(r, '/s')} : ${show(b, '/s')}, medians of ${ROUNDS} rounds (${rates.mac.map(Math.round).join(', ')})`;
  const signed = `${show(r, '/s')} : ${show(s, '/s')} (${rates.signed.map(Math.round).join(', ')})`;
  return [
    { name: 'committed reports, 100 senders', value: r, unit: '/s', bound: 'least', goal: 5000, raw },
    { name: 'committed reports : bare echo', value: r / b, unit: '×', bound: 'least', goal: 0.3, raw },
    {
      name: 'reports by MAC : signed reports',
      value: r / s,
      unit: '×',
      bound: 'least',
      goal: 1.6,
      raw: signed,
    },
  ];
}

/** Where senders report, and as whom. */
export type Target = Omit<Senders, 'senders' | 'each' | 'network'>;

/**
 * What 100 senders got answered in a second, and after how many milliseconds each report; several targets share the senders. `perReport` is the
 * processor time of a report in microseconds, of the senders and of the processes `beside`.
 */
export async function load(
  targets: readonly [Target, ...Target[]],
  round: number,
  { each = EACH, beside = [] }: { each?: number; beside?: readonly number[] } = {},
): Promise<{ perSecond: number; answeredMs: number[]; perReport: number }> {
  const senders = SENDERS / PROCESSES;
  const running = Array.from({ length: PROCESSES }, (_, index) => {
    const to = targets[index % targets.length] ?? targets[0];
    return start({ ...to, senders, each, network: `45.${round * PROCESSES + index}` });
  });
  try {
    await Promise.all(running.map(({ ready }) => ready));
    const before = processorSeconds(beside);
    for (const { go } of running) go();
    const all = await Promise.all(running.map(({ done }) => done));
    const reports = SENDERS * (each - 1);
    const used = processorSeconds(beside) - before + all.reduce((sum, { used: each }) => sum + each, 0);
    return {
      perSecond: reports / Math.max(...all.map(({ seconds }) => seconds)),
      answeredMs: all.flatMap(({ answeredMs }) => answeredMs),
      perReport: (used / reports) * 1e6,
    };
  } finally {
    for (const { stop } of running) stop();
  }
}

/** For how many seconds senders reported, how much processor time they took for it, and after how many milliseconds each was answered. */
type Done = { seconds: number; used: number; answeredMs: number[] };

function start(senders: Senders): {
  ready: Promise<void>;
  done: Promise<Done>;
  go: () => void;
  stop: () => void;
} {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'load/senders.ts'), JSON.stringify(senders)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => {
    throw new Fault('The senders ended before they were done');
  });
  ended.catch(() => undefined);
  const line = async (first: string): Promise<string> => {
    for (;;) {
      const [text] = (await Promise.race([once(lines, 'line'), ended])) as [string];
      if (text.startsWith(first)) return text;
    }
  };
  const ready = line('ready').then(() => undefined);
  const done = ready
    .then(() => line('done'))
    .then((text) => {
      const [, seconds, used, answered = ''] = text.split(' ');
      return {
        seconds: Number(seconds),
        used: Number(used),
        answeredMs: answered.split(',').map(Number),
      };
    });
  done.catch(() => undefined);
  return { ready, done, go: () => child.stdin.write('go\n'), stop: () => child.kill('SIGKILL') };
}
