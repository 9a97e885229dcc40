import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostPaths, keepMacKey, writeServerNote } from '@banshare/runtime';
import { Mac, type HostKey } from '@banshare/transport';
import { PROGRAMS } from '../making/bundle.ts';
import { Fault } from '../say.ts';
import { median, show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';

const ROUNDS = 60;
/** The first runs bring files into memory. */
const WARM_UP = 3;

/**
 * Runs each command of a turn and says how long it took, in microseconds: a shell and not this program starts them, as fail2ban
 * does, since a large process takes longer to start another, which would make any two more alike. Words: rounds, then files with
 * one word a line.
 */
const IN_TURNS = `
rounds=$1; shift
for ((round = 1; round <= rounds; round++)); do
  for file; do
    mapfile -t words <"$file"
    from=\${EPOCHREALTIME/./}
    "\${words[@]//ROUND/$round}" </dev/null >/dev/null || exit
    echo "$file $((\${EPOCHREALTIME/./} - from))"
  done
done`;

/** Whole-process time of the launcher of banshare-report, an empty program and a bare request, in turns, from outside. */
export function measureReportTime(
  fleet: BenchFleet,
  reporter: Host & { key: HostKey },
  bareRequest: string,
): Figure[] {
  const node = join(fleet.library, 'node');
  const empty = join(fleet.library, 'bare-empty.cjs');
  writeFileSync(empty, '');
  const { serverPublicKey, reportPort } = fleet.fleet;
  const keyFile = join(reporter.root, 'etc/banshare/keys/host.key_secret');
  const server = [`tcp://127.0.0.1:${reportPort}`, serverPublicKey];
  noteMac(reporter, serverPublicKey);
  const times = inTurns(fleet.folder, {
    empty: [node, empty],
    bare: [node, bareRequest, keyFile, ...server, '198.51.100.ROUND'],
    report: [
      join(fleet.bin, 'banshare-report'),
      '--root',
      reporter.root,
      'fail2ban',
      'sshd',
      '203.0.113.ROUND',
    ],
  });
  const [e, b, r] = [median(times.empty), median(times.bare), median(times.report)];
  const raw = (reference: number): string =>
    `${show(r, 'ms')} : ${show(reference, 'ms')}, medians of ${ROUNDS}`;
  return [
    { name: 'one report : empty program', value: r / e, unit: '×', bound: 'most', goal: 1.6, raw: raw(e) },
    { name: 'one report : bare request', value: r / b, unit: '×', bound: 'most', goal: 1.15, raw: raw(b) },
  ];
}

/** As its client does once the server has said that it takes MACs. */
function noteMac({ root, key }: Host & { key: HostKey }, server: string): void {
  const { serverAddress, macKey } = hostPaths(root);
  mkdirSync(dirname(serverAddress), { recursive: true, mode: 0o700 });
  writeServerNote(serverAddress, { servers: [{ name: '127.0.0.1', ip: '127.0.0.1' }], macKey: server });
  keepMacKey(macKey, { host: key.publicHex, server }, new Mac(key.curve.secretKey, server).keyHex);
}

/** Milliseconds of each round of each command. */
function inTurns<Name extends string>(
  folder: string,
  commands: Record<Name, readonly string[]>,
): Record<Name, number[]> {
  const names = Object.keys(commands) as Name[];
  const files = names.map((name) => join(folder, `turn-${name}`));
  for (const [index, name] of names.entries())
    writeFileSync(files[index] ?? '', `${commands[name].join('\n')}\n`);
  const words = ['-c', IN_TURNS, 'in-turns', String(ROUNDS + WARM_UP), ...files];
  const env = { ...process.env, LC_ALL: 'C' };
  const done = spawnSync('bash', words, { env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  if (done.status !== 0) throw new Fault(`A turn ended with ${done.status}: ${done.stderr}`);
  const rows = done.stdout.trim().split('\n');
  const of = (file: string | undefined): number[] =>
    rows.flatMap((row) => {
      const [name, microseconds] = row.split(' ');
      return name === file ? [Number(microseconds) / 1000] : [];
    });
  return Object.fromEntries(names.map((name, index) => [name, of(files[index]).slice(WARM_UP)])) as Record<
    Name,
    number[]
  >;
}

/** Peak resident memory of one banshare-report, as the kernel kept it for its own pages. */
export function measureReportMemory(fleet: BenchFleet, reporter: Host): Figure {
  const hook = join(fleet.library, 'bare-peak.cjs');
  const out = join(fleet.folder, 'peak');
  // Not wait4's figure: a child's begins with that of the process which forked it.
  writeFileSync(
    hook,
    `const fs = require('node:fs'); process.on('exit', () => fs.writeFileSync(${JSON.stringify(out)}, fs.readFileSync('/proc/self/status')));`,
  );
  const flags = PROGRAMS.flatMap((program) =>
    program.name === 'report' ? program.flags.trim().split(' ') : [],
  );
  const peaks: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const words = ['--root', reporter.root, 'fail2ban', 'sshd', `45.200.0.${run}`];
    time(join(fleet.library, 'node'), [
      ...flags,
      '--require',
      hook,
      join(fleet.library, 'report.cjs'),
      ...words,
    ]);
    peaks.push(Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(out, 'utf8'))?.[1]) / 1000);
  }
  const value = median(peaks);
  return {
    name: 'peak memory of one report',
    value,
    unit: 'MB',
    bound: 'most',
    goal: 60,
    raw: 'median of 5',
  };
}

/** Milliseconds from spawn to exit. */
function time(command: string, words: readonly string[]): number {
  const began = performance.now();
  const done = spawnSync(command, words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  const took = performance.now() - began;
  if (done.status !== 0)
    throw new Fault(`${command} ${words.join(' ')} ended with ${done.status}: ${done.stderr}`);
  return took;
}
