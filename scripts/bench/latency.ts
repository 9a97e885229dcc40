import { randomBytes } from 'node:crypto';
import { constants, openSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Request } from 'zeromq';
import { parseAddress, parseJail, parseProg, type HostName } from '@banshare/protocol';
import {
  Mac,
  makeCurvePair,
  sealByMac,
  type CurvePair,
  type HostKey,
  type Sealed,
} from '@banshare/transport';
import { Program } from '../demo/program.ts';
import { Fault } from '../say.ts';
import { median, quantile, show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';

const ROUNDS = 150;
const WARM_UP = 10;
const HOSTS = 3;

/** What every command of the bench does: it tells its host and the address through a named pipe. */
export class Commands {
  readonly #script: string;
  readonly #waiting = new Map<string, { missing: number; resolve: (atMs: number) => void }>();
  readonly #pipe: Socket;
  readonly #hosts: number;

  constructor(folder: string, hosts = HOSTS) {
    this.#hosts = hosts;
    this.#script = join(folder, 'command.sh');
    const path = join(folder, 'commands');
    writeFileSync(this.#script, `echo "$1" > '${path}'\n`);
    if (spawnSync('mkfifo', [path]).status !== 0) throw new Fault(`Cannot make the pipe ${path}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#pipe = new Socket({ fd, readable: true, writable: false });
    createInterface({ input: this.#pipe }).on('line', (ip) => this.#hear(ip));
  }

  /** The words of the command, to which the address is added. */
  get words(): string[] {
    return ['/bin/sh', this.#script];
  }

  /** When the command ran at the last of the hosts for an address. */
  ranEverywhere(ip: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(ip, { missing: this.#hosts, resolve }));
  }

  close(): void {
    this.#pipe.destroy();
  }

  #hear(ip: string): void {
    const atMs = performance.now();
    const waiting = this.#waiting.get(ip);
    if (waiting === undefined) return;
    waiting.missing -= 1;
    if (waiting.missing === 0) waiting.resolve(atMs);
  }
}

/** The time from a report being sent to the command being started at the last of three hosts, in turns with a bare chain. */
export async function measureLatency(
  fleet: BenchFleet,
  reporter: Host & { key: HostKey },
  commands: Commands,
  bare: (name: string) => string,
): Promise<Figure[]> {
  const chain = await startChain(fleet, commands, bare);
  const { reportPort, serverPublicKey } = fleet.fleet;
  const real = connect(`tcp://127.0.0.1:${reportPort}`, serverPublicKey, reporter.key.curve);
  const times = { real: [] as number[], bare: [] as number[] };
  try {
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      const part = round + WARM_UP;
      const throughReal = await one(real, `198.51.100.${part}`, reporter, serverPublicKey, commands);
      const throughBare = await one(chain.request, `203.0.113.${part}`, reporter, serverPublicKey, commands);
      if (round < 0) continue;
      times.real.push(throughReal);
      times.bare.push(throughBare);
    }
  } finally {
    real.close();
    await chain.close();
  }
  const [r, b] = [median(times.real), median(times.bare)];
  const [r99, b99] = [quantile(times.real, 0.99), quantile(times.bare, 0.99)];
  const raw = `${show(r, 'ms')} : ${show(b, 'ms')} (p99 ${show(r99, 'ms')} : ${show(b99, 'ms')}), ${ROUNDS} reports each`;
  return [
    {
      name: 'report to command on 3 hosts, beyond a bare chain',
      value: r - b,
      unit: 'ms',
      bound: 'most',
      goal: 3,
      raw,
    },
  ];
}

async function one(
  socket: Request,
  address: string,
  reporter: Host & { key: HostKey },
  to: string,
  commands: Commands,
): Promise<number> {
  const { subject, body, signature } = reportOf(address, reporter, to);
  const everywhere = commands.ranEverywhere(address);
  const began = performance.now();
  await socket.send([subject, body, signature]);
  const [status] = await socket.receive();
  if (String(status) !== 'OK') throw new Fault(`The report of ${address} was answered ${String(status)}`);
  return (await everywhere) - began;
}

/** A report of an address by the bench's reporter, by MAC as hosts of today report. */
export function reportOf(address: string, reporter: Host & { key: HostKey }, to: string): Sealed {
  const [prog, jail, ip] = [parseProg('fail2ban'), parseJail('postfix'), parseAddress(address)];
  if (!prog.ok || !jail.ok || !ip.ok) throw new Error('unreachable: these are well formed');
  const { key } = reporter;
  const envelope = { id: randomBytes(16).toString('hex'), at: Date.now() / 1000, key: key.publicHex, to };
  const report = { prog: prog.value, jail: jail.value, ip: ip.value };
  const mac = new Mac(key.curve.secretKey, to);
  return sealByMac(envelope, { kind: 'report', sender: reporter.name as HostName, report }, mac);
}

/** A connection on which reports are sent one after the other. */
export function connect(endpoint: string, serverKey: string, curve: CurvePair): Request {
  const socket = new Request({
    linger: 0,
    receiveTimeout: 10_000,
    curveServerKey: serverKey,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  });
  socket.connect(endpoint);
  return socket;
}

async function startChain(
  fleet: BenchFleet,
  commands: Commands,
  bare: (name: string) => string,
): Promise<{ request: Request; close: () => Promise<void> }> {
  const node = join(fleet.library, 'node');
  const [server, client] = [await makeCurvePair(), await makeCurvePair()];
  const middle = new Program('the bare chain', node, [bare('chain'), server.secretKey]);
  const { text } = await middle.line((line) => line.startsWith('ready'));
  const [, report = '', publish = ''] = text.split(' ');
  const keys = [server.publicKey, client.publicKey, client.secretKey];
  const ends = Array.from(
    { length: HOSTS },
    () => new Program('a bare subscriber', node, [bare('subscriber'), publish, ...keys, ...commands.words]),
  );
  await Promise.all(ends.map((end) => end.line((line) => line === 'ready')));
  const request = connect(report, server.publicKey, client);
  const close = async (): Promise<void> => {
    request.close();
    await Promise.all([...ends, middle].map((program) => program.stop('SIGKILL')));
  };
  return { request, close };
}
