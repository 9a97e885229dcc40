import { setImmediate } from 'node:timers/promises';
import type { Target } from '@banshare/protocol';
import { lastBefore, lastOf, SOURCES, type Source } from './tables/happenings.ts';
import type { Sql } from './tables/rows.ts';

/** A ban that was published, or its end; `at` epoch seconds. */
export type PastEvent = { seq: number; at: number; kind: string; ip: Target; jail: string; host: string };

/** What a host reported, whatever became of it; `who` is null where that host is forgotten. */
export type PastReport = { n: number; at: number; ip: Target; jail: string; who: string | null };

/** Rows that are read in one go, some 10 ms with what is counted of them: reports wait meanwhile. */
const PAGE = 2000;
/** No more of the newest are looked at: somebody waits for the answer. */
const MOST = 1_000_000;

/** Goes through the newest events since a time that are kept, in their order, and lets reports in between. */
export async function eachSince(sql: Sql, since: number, visit: (event: PastEvent) => void): Promise<void> {
  const page = 'SELECT seq, at, kind, ip, jail, host FROM events WHERE seq > ? ORDER BY seq LIMIT ?';
  for (let after = beginOf(sql, SOURCES.events, since); ;) {
    const rows = sql(page).all(after, PAGE) as PastEvent[];
    for (const event of rows) if (event.at >= since) visit(event);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.seq;
    await setImmediate();
  }
}

/** Goes through the newest reports since a time that are kept, in the order of their commits, and lets others in between. */
export async function eachReportSince(
  sql: Sql,
  since: number,
  visit: (report: PastReport) => void,
): Promise<void> {
  const page = `SELECT n, received AS at, kind, ip, jail, name AS who FROM reports
    LEFT JOIN hosts ON hosts.id = reports.host WHERE n > ? ORDER BY n LIMIT ?`;
  for (let after = beginOf(sql, SOURCES.reports, since); ;) {
    const rows = sql(page).all(after, PAGE) as (PastReport & { kind: string })[];
    for (const report of rows) if (report.kind === 'report' && report.at >= since) visit(report);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last.n;
    await setImmediate();
  }
}

function beginOf(sql: Sql, source: Source, since: number): number {
  return Math.max(lastBefore(sql, source, since), lastOf(sql, source) - MOST);
}
