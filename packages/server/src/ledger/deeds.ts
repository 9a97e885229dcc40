import {
  type BanKey,
  type Details,
  type Event,
  OLDEST_SECONDS,
  OPERATOR_HOST,
  type Range,
} from '@banshare/protocol';
import type { Selection } from './tables/bans.ts';
import { unban, type Books } from './record.ts';
import { sweepEvidence } from './tables/evidence.ts';
import { reportedAs, reportedWithin } from './tables/reports.ts';
import type { Row } from './tables/rows.ts';
import { liftOwn } from './undo.ts';
import { REACHED_SECONDS } from '../words/history.ts';
import { covers, isActive } from '../words/verdict.ts';

/** The same id gets the same verdict for so long: a day longer than any report is taken. */
const ID_SECONDS = OLDEST_SECONDS + 86_400;

/*
 * What may be done within a piece of the ledger's queue, each the whole of it: whoever calls several has them committed together.
 */

/** Publishes bans of prog operator; of an import less those that are banned already and end no earlier. */
export function publishBans(
  { events, bans }: Books,
  drafts: readonly (BanKey & Details & { until: number | null })[],
  now: number,
  by: 'operator' | 'import',
  number: number | null = null,
): Event[] {
  return drafts.flatMap((draft) => {
    // A list must not shorten what a person banned for longer, nor what it names twice, nor take a person's word away.
    const known = by === 'import' ? bans.get(draft) : undefined;
    if (by === 'import' && covers(known, draft.until, now)) return [];
    const isTyped = known !== undefined && isActive(known, now) && events.origin(known.seq) === 'operator';
    const said = { by: isTyped ? 'operator' : by, host: OPERATOR_HOST, at: now } as const;
    const event = events.append({ ...draft, kind: 'ban', ...said });
    if (by === 'import') bans.follow(event, number, { ban: known ?? null });
    else bans.follow(event);
    return [event];
  });
}

/**
 * Lifts what an operator selects, whoever supports it, and keeps earlier reports from bringing it back. everyJail: hosts let
 * the address go in all of their jails. unknown: published where nothing is active, for hosts that hold what this ledger lacks.
 */
export function liftSelected(
  books: Books,
  selection: Selection,
  now: number,
  { unknown, ...how }: { everyJail?: true; unknown?: BanKey } = {},
): Event[] {
  books.bans.markLifted(selection, now);
  books.held.dropExactly(selection.ip, selection.jail);
  const active = books.bans.select(selection, now);
  const bans = active.length === 0 && unknown !== undefined ? [unknown] : active;
  return bans.map((ban) => unban(books, ban, OPERATOR_HOST, now, how));
}

/**
 * Lifts what hosts reported within a range since a time and no operator has lifted since, whatever became of the reports, of
 * at most so many addresses at once, in every jail; what is held of the range is dropped.
 */
export function liftReported(books: Books, range: Range, since: number, now: number, limit: number): Event[] {
  books.held.dropWithin(range);
  const standing = reportedWithin(books.sql, range, since).filter(
    (ban) => books.bans.liftedAt(ban) < ban.received,
  );
  const addresses = new Set([...new Set(standing.map(({ ip }) => ip))].slice(0, limit));
  const first = standing.filter(({ ip }) => addresses.has(ip));
  return first.map(({ ip, prog, jail }) => {
    books.bans.markLifted({ ip, jail }, now);
    return unban(books, { ip, prog, jail }, OPERATOR_HOST, now, { everyJail: true });
  });
}

/**
 * Lifts the addresses whose reports became the ban of a range, of at most so many at once: the hosts that reported them ban
 * them by themselves. What is banned for itself too stays.
 */
export function liftWidened(books: Books, { ip, jail }: Selection, now: number, limit: number): Event[] {
  const lifted = liftOwn(books, reportedAs(books.sql, ip, { jail }), now, limit);
  for (const { ip: address, jail: of } of lifted) books.bans.markLifted({ ip: address, jail: of }, now);
  return lifted;
}

/** The number of the newest import; 0 where there was none. */
export function newestImport({ sql }: Pick<Books, 'sql'>): number {
  const row = sql("SELECT value FROM meta WHERE name = 'imports'").get() as Row | undefined;
  return Number(row?.['value'] ?? 0);
}

/** A number for an import, by which it can be taken back. */
export function nextImport(books: Pick<Books, 'sql'>): number {
  const number = newestImport(books) + 1;
  books.sql("INSERT OR REPLACE INTO meta VALUES ('imports', ?)").run(String(number));
  return number;
}

/** Drops what waits of a host that is shut out, its votes and what is held; returns how many were held. */
export function dropHeldOf({ votes, held }: Books, hostId: number): number {
  votes.dropOf(hostId, 0);
  return held.dropOf(hostId, 0);
}

/**
 * Removes a part of what is no longer needed: bans that are over, events older than `keepSeconds`, reports older than that
 * and 9 days, when hosts were as far after a week, evidence older than `keepEvidence`; returns whether there may be more.
 */
export function sweep(
  { sql, events, bans, votes }: Books,
  now: number,
  { keepSeconds, keepEvidence }: { keepSeconds: number; keepEvidence: number },
  limit: number,
): boolean {
  const before = now - keepSeconds;
  votes.sweep(now);
  const swept = bans.sweep(now - 3600, limit);
  const pruned = events.prune(before, limit);
  const oldest = Math.min(before, now - ID_SECONDS);
  const { changes } = sql(
    `DELETE FROM reports WHERE (host, id) IN
     (SELECT host, id FROM (SELECT host, id, received FROM reports ORDER BY n LIMIT ?) AS some WHERE received < ?)`,
  ).run(limit, oldest);
  const told = sql(
    'DELETE FROM outcomes WHERE (seq, host) IN (SELECT seq, host FROM outcomes WHERE at < ? LIMIT ?)',
  ).run(before, limit);
  const reached = sql(
    'DELETE FROM acks WHERE (host, applied) IN (SELECT host, applied FROM acks WHERE at < ? LIMIT ?)',
  ).run(Math.max(before, now - REACHED_SECONDS), limit);
  sql('DELETE FROM lifted WHERE at < ?').run(now - ID_SECONDS);
  const hasMore = sweepEvidence(sql, now - keepEvidence, limit);
  const isFull = [changes, told.changes, reached.changes].some((removed) => Number(removed) === limit);
  return hasMore || swept === limit || pruned > 0 || isFull;
}
