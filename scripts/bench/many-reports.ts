import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { hostPaths, spoolFile, spoolFilesIn } from '@banshare/runtime';
import { Fault } from '../say.ts';
import { show, type Figure } from './figures.ts';
import type { BenchFleet, Host } from './load/fleet.ts';

const REPORTS = 10_000;

/**
 * Reports a second that one process of a host gets committed, from its start to its end: as lines of --stdin, and as files of a
 * spool that filled while the server was away. Beside what a hundred senders reach in the same run.
 */
export function measureManyReports(fleet: BenchFleet, { root }: Host, hundredSenders: number): Figure[] {
  const run = (words: readonly string[], input: string): number => {
    const began = performance.now();
    const command = join(fleet.bin, 'banshare-report');
    const { status, stderr } = spawnSync(command, ['--root', root, ...words], { input, encoding: 'utf8' });
    if (status !== 0) throw new Fault(`banshare-report ${words.join(' ')} ended with ${status}: ${stderr}`);
    return REPORTS / ((performance.now() - began) / 1000);
  };
  const { spool } = hostPaths(root);
  const lines = addresses('46.1').map((ip) => `fail2ban sshd ${ip}\n`);
  const stdin = run(['--stdin'], lines.join(''));
  fillSpool(spool);
  const flush = run(['--flush'], '');
  const left = spoolFilesIn(spool).length;
  if (left > 0) throw new Fault(`${left} reports are still in the spool`);
  const raw = `${REPORTS} reports: --stdin ${show(stdin, '/s')}, --flush ${show(flush, '/s')}, 100 senders ${show(hundredSenders, '/s')}`;
  const least = { bound: 'least', raw } as const;
  return [
    { name: 'reports by --stdin', value: stdin, unit: '/s', goal: 3000, ...least },
    { name: 'reports by --flush', value: flush, unit: '/s', goal: 3000, ...least },
    { name: '--stdin : 100 senders', value: stdin / hundredSenders, unit: '×', goal: 0.5, ...least },
    { name: '--flush : 100 senders', value: flush / hundredSenders, unit: '×', goal: 0.5, ...least },
  ];
}

/** As the reporter keeps them; unsynced, since the clock does not run yet. */
function fillSpool(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = Date.now() / 1000;
  for (const [index, ip] of addresses('46.2').entries()) {
    const id = index.toString(16).padStart(32, '0');
    const waiting = { id, at, kind: 'report', report: { prog: 'fail2ban', jail: 'sshd', ip } };
    writeFileSync(join(directory, spoolFile(waiting)), `${JSON.stringify(waiting)}\n`, { mode: 0o600 });
  }
}

function addresses(network: string): string[] {
  return Array.from({ length: REPORTS }, (_, index) => `${network}.${index >> 8}.${index & 255}`);
}
