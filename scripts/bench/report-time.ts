import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostKey } from '@banshare/transport';
import { PROGRAMS } from '../bundle.ts';
import { Fault } from '../say.ts';
import { median, show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './fleet.ts';

const ROUNDS = 60;
/** The first runs bring files into memory. */
const WARM_UP = 3;

/** Whole-process time of banshare-report, an empty program and a bare request, in turns. */
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
  const bare = [bareRequest, keyFile, `tcp://127.0.0.1:${reportPort}`, serverPublicKey];
  const report = join(fleet.bin, 'banshare-report');
  const times = { empty: [] as number[], bare: [] as number[], report: [] as number[] };
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    const part = round + WARM_UP;
    const took = {
      empty: time(node, [empty]),
      bare: time(node, [...bare, `198.51.100.${part}`]),
      report: time(report, ['--root', reporter.root, 'fail2ban', 'sshd', `203.0.113.${part}`]),
    };
    if (round < 0) continue;
    for (const name of ['empty', 'bare', 'report'] as const) times[name].push(took[name]);
  }
  const [e, b, r] = [median(times.empty), median(times.bare), median(times.report)];
  const raw = (reference: number): string =>
    `${show(r, 'ms')} : ${show(reference, 'ms')}, medians of ${ROUNDS}`;
  return [
    { name: 'one report : empty program', value: r / e, unit: '×', bound: 'most', goal: 1.75, raw: raw(e) },
    { name: 'one report : bare request', value: r / b, unit: '×', bound: 'most', goal: 1.15, raw: raw(b) },
  ];
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
