import { setImmediate } from 'node:timers/promises';
import type { Target } from '@banshare/protocol';
import { lastBefore, SOURCES } from './tables/happenings.ts';
import type { Sql } from './tables/rows.ts';

/** A ban that was published, or its end; `at` epoch seconds. */
export type PastEvent = { seq: number; at: number; kind: string; ip: Target; jail: string; host: string };

/** Rows that are read in one go, some 10 ms with what is counted of them: reports wait meanwhile. */
const PAGE = 2000;

/** Goes through the events since a time that are kept, in their order, and lets reports in between. */
export async function eachSince(sql: Sql, since: number, visit: (event: PastEvent) => void): Promise<void> {
  for (let after = lastBefore(sql, SOURCES.events, since); ;) {
    const page = sql(
      'SELECT seq, at, kind, ip, jail, host FROM events WHERE seq > ? ORDER BY seq LIMIT ?',
    ).all(after, PAGE) as PastEvent[];
    for (const event of page) if (event.at >= since) visit(event);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = last.seq;
    await setImmediate();
  }
}
