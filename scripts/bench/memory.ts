import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostKey } from '@banshare/transport';
import { Program } from '../demo/program.ts';
import { show, type Figure } from './figures.ts';
import type { BenchFleet } from './load/fleet.ts';
import { childrenOf } from './load/processor-time.ts';

const SUBSCRIBERS = 1000;
const PROCESSES = 2;

/** Resident memory of the idle clients (the largest counts) and of the server's processes together. */
export function measureIdleMemory(fleet: BenchFleet): Figure[] {
  const clients = fleet.hosts.flatMap(({ client }) => (client === undefined ? [] : [residentOf(client.pid)]));
  const server = serverMemory(fleet);
  return [
    figure('idle client', Math.max(...clients), 75, `the largest of ${clients.length}`),
    figure('idle server, all processes', sum(server), 150, show2(server)),
  ];
}

/** The same of the server while 1,000 subscribers are connected over CURVE. */
export async function measureSubscribers(fleet: BenchFleet, key: HostKey): Promise<Figure> {
  const { publishPort, serverPublicKey } = fleet.fleet;
  const words = [`tcp://127.0.0.1:${publishPort}`, serverPublicKey, key.curve.publicKey, key.curve.secretKey];
  const script = join(import.meta.dirname, 'load/subscribers.ts');
  const programs = Array.from(
    { length: PROCESSES },
    () => new Program('subscribers', process.execPath, [script, ...words, String(SUBSCRIBERS / PROCESSES)]),
  );
  try {
    await Promise.all(programs.map((program) => program.line((line) => line === 'ready')));
    const server = serverMemory(fleet);
    return figure(`server with ${SUBSCRIBERS} subscribers`, sum(server), 200, show2(server));
  } finally {
    await Promise.all(programs.map((program) => program.stop('SIGKILL')));
  }
}

function figure(name: string, value: number, goal: number, raw: string): Figure {
  return { name, value, unit: 'MB', bound: 'most', goal, raw };
}

/** Megabytes of each of the server's processes. */
export function serverMemory(fleet: BenchFleet): number[] {
  const pid = fleet.server?.pid ?? 0;
  return [pid, ...childrenOf(pid)].map(residentOf);
}

/** Megabytes that a process has in memory, shared pages included. */
export function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function show2(server: readonly number[]): string {
  return `the main process and its fan-out: ${server.map((each) => show(each, 'MB')).join(' + ')}`;
}
