import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Address, HostName, JailName, ProgName } from '@banshare/protocol';
import { hostPaths } from '@banshare/runtime';
import { judge } from '../../packages/server/src/judging/judge.ts';
import { Ledger } from '../../packages/server/src/ledger/ledger.ts';
import { measureClientBurst, toml } from './client-burst.ts';
import { median, show, type Figure } from './figures.ts';
import type { BenchFleet } from './load/fleet.ts';
import { BANS } from './import.ts';
import { serverMemory } from './memory.ts';
import type { Decide, Submission } from '../../packages/server/src/words/submission.ts';

const REPORTS = 1000;
const TOGETHER = 50;
const ROUNDS = 3;
const POLICY = { windowSeconds: 300, defaultDurationSeconds: 86_400, maxDurationSeconds: -1 };

/** Reports a second into a ledger on disk, many in one transaction, against a transaction for each. */
export async function measureGroupCommit(fleet: BenchFleet): Promise<Figure> {
  const rates = { together: [] as number[], alone: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.together.push(await commitRate(fleet.folder, TOGETHER));
    rates.alone.push(await commitRate(fleet.folder, 1));
  }
  const [together, alone] = [median(rates.together), median(rates.alone)];
  return {
    name: 'group commit : one commit a report',
    value: together / alone,
    unit: '×',
    bound: 'least',
    goal: 2,
    raw: `${show(together, '/s')} with ${TOGETHER} in a transaction : ${show(alone, '/s')}`,
  };
}

/**
 * What 100,000 active bans cost: the server's memory, and the way of all of them into a client that has none. They
 * are there already, by measureImport(); this comes last in a run.
 */
export async function measureManyBans(fleet: BenchFleet): Promise<Figure[]> {
  await fleet.server?.stop();
  const path = hostPaths(join(fleet.folder, 'server')).ledger;
  const readRate = BANS / readAll(path);
  await fleet.startServer();
  const resident = serverMemory(fleet).reduce((total, each) => total + each, 0);
  const began = performance.now();
  const newcomer = await fleet.startHost('newcomer', toml(1_000_000));
  const rate = BANS / ((performance.now() - began) / 1000);
  const grown = serverMemory(fleet).reduce((total, each) => total + each, 0);
  const raw = `${show(rate, '/s')}, with its start and enrolment : ${show(readRate, '/s')} read straight from SQLite`;
  return [
    {
      name: `server with ${BANS} active bans`,
      value: resident,
      unit: 'MB',
      bound: 'most',
      goal: 200,
      raw: `${show(grown, 'MB')} once it has sent them all to a newcomer`,
    },
    { name: `catch-up with ${BANS} active bans`, value: rate, unit: '/s', bound: 'least', goal: 5000, raw },
    { name: 'catch-up : SQLite', value: rate / readRate, unit: '×', bound: 'least', goal: 0.02, raw },
    ...(await measureClientBurst(fleet, newcomer)),
  ];
}

async function commitRate(folder: string, together: number): Promise<number> {
  const directory = mkdtempSync(join(folder, 'ledger-'));
  const ledger = new Ledger(join(directory, 'ledger.db'), () => 'bench');
  try {
    const began = performance.now();
    for (let n = 0; n < REPORTS; n += together) {
      await ledger.record(
        Array.from({ length: together }, (_, index) => submission(n + index)),
        decide,
      );
    }
    return REPORTS / ((performance.now() - began) / 1000);
  } finally {
    ledger.close();
    rmSync(directory, { recursive: true });
  }
}

/** Seconds that it takes to read the rows of all active bans. */
function readAll(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const began = performance.now();
  const rows = database.prepare('SELECT events.* FROM bans JOIN events USING (seq) ORDER BY bans.seq').all();
  const seconds = (performance.now() - began) / 1000;
  database.close();
  if (rows.length < BANS) throw new Error(`Only ${rows.length} bans are in the ledger`);
  return seconds;
}

const decide: Decide = (one, known) => {
  if (one.kind !== 'report') throw new Error('only reports are measured');
  return judge(one.report, POLICY, known.ban, one.received, known.past);
};

function submission(n: number): Submission {
  const now = Date.now() / 1000;
  const id = n.toString(16).padStart(32, '0');
  return { host: HOST, id, at: now, received: now, kind: 'report', report: ban(n) };
}

const HOST = { id: 1, name: 'reporter' as HostName };

function ban(n: number): { ip: Address; prog: ProgName; jail: JailName } {
  const ip = `2001:db8:${(1 + (n >> 15)).toString(16)}:${(1 + (n & 32_767)).toString(16)}::1`;
  return { ip: ip as Address, prog: 'fail2ban' as ProgName, jail: 'sshd' as JailName };
}
