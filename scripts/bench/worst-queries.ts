import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Address, HostName, JailName, ProgName } from '@banshare/protocol';
import { MOST_IN_BLOCK, type AimPolicy, aim } from '../../packages/server/src/judging/ban-target.ts';
import { judge, judgeUnban } from '../../packages/server/src/judging/judge.ts';
import { Ledger } from '../../packages/server/src/ledger/ledger.ts';
import { median, show, type Figure } from './figures.ts';
import type { Decide, Submission } from '../../packages/server/src/words/submission.ts';

const ROWS = 100_000;
/** In one transaction, so that the disk's time does not hide that of the queries. */
const REPORTS = 200;
const ROUNDS = 5;
const NOW = 1_795_257_600;
const SIX = '2001:db8:0:9::1';
const FOUR = '203.0.113.9';
const POLICY = { windowSeconds: 300, defaultDurationSeconds: 86_400, maxDurationSeconds: -1 };
const AIM: AimPolicy = { ipv6Prefix: 128, isProtected: () => false, allTakeRanges: () => true };
const NUMBERS = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${ROWS})`;

const A_HOST =
  "INSERT INTO hosts (id, key, curve, name, state, enrolled, addresses) VALUES (1, 'k', 'c', 'h1', 'active', 0, '[]')";

type Case = {
  name: string;
  /** Fills the tables as an attacker, or a busy year, would. */
  fill: string;
  goal?: number;
  work: (ledger: Ledger, round: number) => Promise<unknown>;
};

/** Each query on the way of a report where it has most to do. */
const CASES: readonly Case[] = [
  {
    name: 'votes of 100,000 repeats',
    fill: `${NUMBERS} INSERT INTO reports SELECT 1, 'r' || n, ${NOW} + n / 1000.0, ${NOW}, 'report', '${FOUR}', 'psad', 'scan', 'counted', NULL, NULL, NULL, NULL, n FROM numbers;
      ${NUMBERS} INSERT INTO votes SELECT '${FOUR}', 'psad', 'scan' || n, 1, ${NOW}, NULL FROM numbers`,
    work: (ledger, round) =>
      ledger.record(
        reports(round, () => FOUR),
        counting,
        sameAim,
      ),
  },
  {
    name: 'history of 100,000 reports and events',
    fill: `${NUMBERS} INSERT INTO reports SELECT 1, 'r' || n, ${NOW} + n, ${NOW}, 'report', '${SIX}', 'psad', 'scan', 'duplicate', NULL, NULL, NULL, NULL, n FROM numbers;
      ${NUMBERS} INSERT INTO events SELECT n, 'ban', '${SIX}', 'psad', 'scan', 'h1', ${NOW}, NULL, '', '{}' FROM numbers;
      ${NUMBERS} INSERT INTO supporters SELECT '${SIX}', 'psad', 'scan' || n, 1, ${NOW}, NULL, NULL FROM numbers`,
    // An empty ledger shows nothing, this one 200 reports, 200 events and 1,000 supporters.
    goal: 40,
    work: (ledger) => ledger.history(SIX as Address),
  },
  {
    name: '100,000 reports of an address as its range, taken back',
    fill: `${NUMBERS} INSERT INTO reports SELECT 1, 'r' || n, ${NOW}, ${NOW}, 'report', '${SIX}', 'psad', 'scan', 'accepted', NULL, NULL, NULL, '2001:db8:0:9::/64', n FROM numbers`,
    work: (ledger, round) => ledger.record(unbans(round), judging, sameAim),
  },
  {
    name: '100,000 jails of one address',
    fill: `${NUMBERS} INSERT INTO bans (ip, prog, jail, seq, at, until) SELECT '${SIX}', 'psad', 'other' || n, n, ${NOW}, ${NOW} - 1 FROM numbers`,
    work: (ledger, round) =>
      ledger.record(
        reports(round, () => SIX),
        judging,
        sameAim,
      ),
  },
  {
    name: '100,000 supporters of a ban',
    fill: `${NUMBERS} INSERT INTO supporters SELECT '${FOUR}', 'psad', 'scan', n, ${NOW}, NULL, 1 FROM numbers;
      INSERT INTO bans (ip, prog, jail, seq, at, until) VALUES ('${FOUR}', 'psad', 'scan', 1, ${NOW}, NULL)`,
    // Each by a supporter: only then the others are looked for.
    work: (ledger, round) => ledger.record(unbans(round, FOUR, { bySupporters: true }), judging, sameAim),
  },
  {
    name: '100,000 addresses of a /64',
    fill: `${NUMBERS} INSERT INTO in_block SELECT '2001:db8:0:9:' || n || '::1', '2001:db8:0:9::/64', ${NOW} - n % 2 FROM numbers`,
    work: (ledger, round) =>
      ledger.record(
        reports(round, (n) => `2001:db8:0:9::${n.toString(16)}`),
        judging,
        aimed,
      ),
  },
  {
    name: '100,000 held bans',
    fill: `${NUMBERS} INSERT INTO held (host, name, ip, prog, jail, at, until, details) SELECT 1, 'h1', '198.51.100.' || n, 'psad', 'scan', ${NOW}, NULL, '{}' FROM numbers`,
    work: (ledger, round) =>
      ledger.record(
        reports(round, (n) => `192.0.2.${n % 200}`),
        holding,
        sameAim,
      ),
  },
];

const judging: Decide = (submission, known) =>
  submission.kind === 'unban'
    ? judgeUnban({ ...known, isActive: known.ban !== undefined })
    : judge(submission.report, POLICY, known.ban, submission.received, known.past);
const counting: Decide = (_, known) =>
  known.voters(0).length > 2 ? { verdict: 'duplicate' } : { verdict: 'counted' };
const holding: Decide = () => ({ verdict: 'held', until: null, code: 'frozen', reason: 'bench', most: 1e9 });
const sameAim = (submission: Submission) => ({
  targets: [submission.kind === 'report' ? submission.report.ip : submission.ban.ip],
  isCrowded: false,
});
const aimed = (submission: Submission, look: Parameters<typeof aim>[2]) => {
  if (look.countIn('2001:db8:0:9::/64' as never, MOST_IN_BLOCK) > MOST_IN_BLOCK)
    throw new Error('counted beyond its limit');
  return aim(submission, AIM, look);
};

/** What each query of a report's way costs in a ledger that is full of the worst, against the same in an empty one. */
export async function measureWorstQueries(folder: string): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const each of CASES) {
    const { full, empty } = await secondsOf(folder, each);
    figures.push({
      name: `${each.name} : empty ledger`,
      value: full / empty,
      unit: '×',
      bound: 'most',
      goal: each.goal ?? 3,
      raw: `${show(full * 1000, 'ms')} : ${show(empty * 1000, 'ms')} for ${each.goal === undefined ? REPORTS : 1}`,
    });
  }
  return figures;
}

/** In turns, so that a busy machine is as slow for the one as for the other. */
async function secondsOf(folder: string, { fill, work }: Case): Promise<{ full: number; empty: number }> {
  const directory = mkdtempSync(join(folder, 'worst-'));
  const ledgers = {
    full: new Ledger(join(directory, 'full.db'), () => 'bench'),
    empty: new Ledger(join(directory, 'empty.db'), () => 'bench'),
  };
  const samples = { full: [] as number[], empty: [] as number[] };
  try {
    await ledgers.full.write(({ sql }) => {
      for (const statement of fill.split(';')) sql(statement).run();
    });
    for (const ledger of Object.values(ledgers)) ledger.sql(A_HOST).run();
    for (let round = 0; round < ROUNDS; round += 1)
      for (const which of ['full', 'empty'] as const) {
        const began = performance.now();
        await work(ledgers[which], round);
        samples[which].push((performance.now() - began) / 1000);
      }
    return { full: median(samples.full), empty: median(samples.empty) };
  } finally {
    for (const ledger of Object.values(ledgers)) ledger.close();
    rmSync(directory, { recursive: true });
  }
}

function reports(round: number, addressOf: (n: number) => string): Submission[] {
  return Array.from({ length: REPORTS }, (_, index) => {
    const n = round * REPORTS + index;
    return { ...common(`report-${n}`), kind: 'report', report: ban(addressOf(n)) };
  });
}

function unbans(round: number, ip = SIX, { bySupporters = false } = {}): Submission[] {
  return Array.from({ length: REPORTS }, (_, index) => {
    const n = round * REPORTS + index;
    return { ...common(`unban-${n}`, bySupporters ? n + 1 : 1), kind: 'unban', ban: ban(ip) };
  });
}

function common(id: string, hostId = 1): Pick<Submission, 'host' | 'id' | 'at' | 'received'> {
  return { host: { id: hostId, name: 'h1' as HostName }, id, at: NOW, received: NOW };
}

function ban(ip: string): { ip: Address; prog: ProgName; jail: JailName } {
  return { ip: ip as Address, prog: 'psad' as ProgName, jail: 'scan' as JailName };
}
