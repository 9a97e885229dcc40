import { isRange, OPERATOR_HOST, type BanKey, type Event } from '@banshare/protocol';
import { unban, type Books } from './record.ts';
import { reportedAs, type ReportedBan } from './tables/reports.ts';
import type { Sql } from './tables/rows.ts';
import { cursorBefore } from './timeline.ts';
import type {
  Shorter,
  UndoPart,
  UndoCursor,
  UndoPlan,
  UndoWaiting,
  UndoWhat,
  Undone,
} from '../words/undo.ts';
import { isActive } from '../words/verdict.ts';

/** Where the bans begin. */
const BEGIN: BanCursor = { list: 0, after: undefined };
/** A limit that is none, as SQLite counts. */
const ALL = Number.MAX_SAFE_INTEGER;

/**
 * Finds what a part of an undo since a time would do, of at most so many bans that may be concerned. What one host caused is what nobody
 * else supports, and the later end of what others support; of the rest it is what began since then: a ban that stood before and was only
 * renewed stays.
 */
export function planUndo(
  books: Books,
  what: UndoWhat,
  since: number,
  now: number,
  { cursor = 'waiting', limit = ALL }: UndoPart,
): UndoPlan {
  const { found, next } = candidates(books.sql, what, since, cursor === 'waiting' ? BEGIN : cursor, limit);
  const active = found.filter(({ seq, until }) => seq !== null && (until === null || until > now));
  if (what.kind === 'hosts') return { ...planOfHosts(books, what.ids, active, now), next };
  if (what.kind === 'import') return { lift: active.map(keyOf), keep: [], shorten: [], next };
  const concerned = what.kind === 'all' ? active : active.filter(({ jail }) => jail === what.jail);
  const isNew = ({ began }: Candidate): boolean => began >= since;
  return {
    lift: concerned.filter(isNew).map(keyOf),
    keep: concerned.filter((each) => !isNew(each)).map(keyOf),
    shorten: [],
    next,
  };
}

/** Counts what waits and would be dropped by an undo. */
export function waitingOf({ votes, held }: Books, what: UndoWhat, since: number): UndoWaiting {
  if (what.kind === 'import') return { votes: 0, held: 0 };
  if (what.kind === 'hosts') {
    const ids = [...new Set(what.ids)];
    return {
      votes: sum(ids.map((id) => votes.countOf(id, since))),
      held: sum(ids.map((id) => held.countOf(id, since))),
    };
  }
  const jail = what.kind === 'jail' ? what.jail : null;
  return { votes: votes.countSince(since, jail), held: held.countSince(since, jail) };
}

/**
 * Does a part of an undo, of at most so many bans that may be concerned. What only waits goes first, so much of it at most: what a report
 * makes of it meanwhile is a ban that is found later.
 */
export function undoPart(
  books: Books,
  what: UndoWhat,
  since: number,
  now: number,
  { cursor = 'waiting', limit = ALL }: UndoPart,
): Undone {
  const dropped = cursor === 'waiting' ? dropWaiting(books, what, since, limit) : NOTHING;
  const waiting = { votes: dropped.votes, held: dropped.held };
  if (dropped.isMore) return { lifted: [], kept: 0, shortened: [], ...waiting, next: 'waiting' };
  const { lift, keep, shorten, next } = planUndo(books, what, since, now, { cursor, limit });
  if (what.kind === 'hosts')
    for (const id of what.ids) for (const ban of [...lift, ...keep]) books.bans.withdraw(ban, id);
  return {
    lifted: lift.flatMap((ban) => liftOne(books, what, ban, now)),
    kept: keep.length,
    shortened: shorten.map((ban) => shortenOne(books, ban, now)),
    ...waiting,
    next,
  };
}

type Dropped = UndoWaiting & { isMore: boolean };

const NOTHING: Dropped = { votes: 0, held: 0, isMore: false };

function dropWaiting(books: Books, what: UndoWhat, since: number, limit: number): Dropped {
  if (what.kind === 'import') return NOTHING;
  const { votes, held } = books;
  const [count, jail] = [{ votes: 0, held: 0 }, what.kind === 'jail' ? what.jail : null];
  let room = limit;
  for (const id of what.kind === 'hosts' ? what.ids : [undefined]) {
    const voted = id === undefined ? votes.dropSince(since, jail, room) : votes.dropOf(id, since, room);
    if (id !== undefined) for (const ban of voted) markUndone(books, ban, id, since);
    // A vote for a range is one for an address too.
    count.votes += voted.filter(({ ip }) => !isRange(ip)).length;
    room -= voted.length;
    const less = id === undefined ? held.dropSince(since, jail, room) : held.dropOf(id, since, room);
    count.held += less;
    room -= less;
    if (room <= 0) break;
  }
  return { ...count, isMore: room <= 0 };
}

/** What may be concerned; `seq` is null where the ban is gone, and `since` is when a host last stood behind it, 0 where none is asked for. */
type Candidate = BanKey & {
  seq: number | null;
  until: number | null;
  began: number;
  at: number;
  since: number;
};

function keyOf({ ip, prog, jail }: Candidate): BanKey {
  return { ip, prog, jail };
}

type BanCursor = Exclude<UndoCursor, 'waiting'>;

/** What may be concerned, of so many rows at most that are read, and where the next part goes on. */
type Candidates = { found: Candidate[]; next: UndoCursor | undefined };

/**
 * Reads so many rows that may be concerned, and no more whatever is sorted out of them: an index has them in the order in which they are
 * gone through, so that each part begins where the last one ended.
 */
function candidates(sql: Sql, what: UndoWhat, since: number, cursor: BanCursor, limit: number): Candidates {
  if (what.kind === 'hosts') return candidatesOfHosts(sql, what.ids, since, cursor, limit);
  const isImport = what.kind === 'import';
  const rows = isImport
    ? candidatesOfImport(sql, what.number, cursor, limit)
    : candidatesSince(sql, since, cursor, limit);
  const last = rows.at(-1);
  const after =
    last === undefined || rows.length < limit
      ? undefined
      : isImport
        ? [last.ip, last.prog, last.jail]
        : [Number(last.seq)];
  return {
    found: isImport ? rows : rows.filter(({ at }) => at >= since),
    next: after === undefined ? undefined : { list: 0, after },
  };
}

/** Of one host after the other. One may have hundreds of thousands, and a hundred of them one each. */
function candidatesOfHosts(
  sql: Sql,
  ids: readonly number[],
  since: number,
  cursor: BanCursor,
  limit: number,
): Candidates {
  const found: Candidate[] = [];
  let room = limit;
  for (let { list, after } = cursor; ; list += 1, after = undefined) {
    const hostId = ids[list];
    if (hostId === undefined) return { found, next: undefined };
    if (room <= 0) return { found, next: { list, after } };
    const rows = sql(
      `SELECT support.since, support.ip, support.prog, support.jail, bans.seq, bans.until, bans.began, bans.at
       FROM supporters AS support LEFT JOIN bans USING (ip, prog, jail)
       WHERE support.host = ? AND (support.since, support.ip, support.prog, support.jail) > (?, ?, ?, ?)
       ORDER BY support.since, support.ip, support.prog, support.jail LIMIT ?`,
    ).all(hostId, ...(after ?? [since, '', '', '']), room) as Candidate[];
    const earlier = JSON.stringify(ids.slice(0, list));
    found.push(...rows.filter((ban) => list === 0 || !isOfSome(sql, ban, earlier, since)));
    const last = rows.at(-1);
    if (last !== undefined && rows.length === room)
      return { found, next: { list, after: [last.since, last.ip, last.prog, last.jail] } };
    // To look costs too where there is nothing.
    room -= rows.length + 1;
  }
}

/** Whether one of some hosts stood behind a ban since then too: it was found with that one. */
function isOfSome(sql: Sql, { ip, prog, jail }: BanKey, ids: string, since: number): boolean {
  return (
    sql(
      `SELECT 1 FROM supporters WHERE ip = ? AND prog = ? AND jail = ? AND host IN (SELECT value FROM json_each(?)) AND since >= ?`,
    ).get(ip, prog, jail, ids, since) !== undefined
  );
}

function candidatesOfImport(sql: Sql, number: number, { after }: BanCursor, limit: number): Candidate[] {
  return sql(
    `SELECT ip, prog, jail, seq, until, began, at, 0 AS since FROM bans
     WHERE import = ? AND (ip, prog, jail) > (?, ?, ?) ORDER BY ip, prog, jail LIMIT ?`,
  ).all(number, ...(after ?? ['', '', '']), limit) as Candidate[];
}

function candidatesSince(sql: Sql, since: number, { after }: BanCursor, limit: number): Candidate[] {
  const [from = cursorBefore(sql, since).events] = after ?? [];
  return sql(
    'SELECT ip, prog, jail, seq, until, began, at, 0 AS since FROM bans WHERE seq > ? ORDER BY seq LIMIT ?',
  ).all(from, limit) as Candidate[];
}

function planOfHosts(
  { bans }: Books,
  ids: readonly number[],
  active: readonly Candidate[],
  now: number,
): Pick<UndoPlan, 'lift' | 'keep' | 'shorten'> {
  const plan = { lift: [] as BanKey[], keep: [] as BanKey[], shorten: [] as Shorter[] };
  for (const candidate of active) {
    const { until } = candidate;
    const ban = keyOf(candidate);
    const end = bans.endWithout(ban, ids, now);
    if (end === undefined) plan.lift.push(ban);
    else plan.keep.push(ban);
    if (end !== undefined && isLater(until, end)) plan.shorten.push({ ...ban, until: end });
  }
  return plan;
}

/** Publishes a ban as its remaining supporters have it. They found it, but the word is the operator's: it holds on their hosts too. */
function shortenOne({ events, bans }: Books, ban: Shorter, now: number): Event {
  const event = events.append({ ...ban, kind: 'ban', host: OPERATOR_HOST, by: 'host', at: now });
  bans.follow(event);
  return event;
}

function isLater(one: number | null, other: number | null): boolean {
  return other !== null && (one === null || one > other);
}

function liftOne(books: Books, what: UndoWhat, ban: BanKey, now: number): Event[] {
  const of = (hostId?: number) =>
    reportedAs(books.sql, ban.ip, { jail: ban.jail, ...(hostId === undefined ? {} : { hostId }) });
  const own = !isRange(ban.ip) ? [] : what.kind === 'hosts' ? what.ids.flatMap((id) => of(id)) : of();
  books.bans.forgetOffence(ban);
  const lifted = [unban(books, ban, OPERATOR_HOST, now), ...liftOwn(books, own, now)];
  // What waits in a spool must not bring back what was just taken back; of one host's word others may have found the same.
  if (what.kind !== 'hosts') for (const { ip, jail } of lifted) books.bans.markLifted({ ip, jail }, now);
  return lifted;
}

function markUndone({ sql }: Books, { ip, prog, jail }: BanKey, hostId: number, since: number): void {
  sql(
    `UPDATE reports SET code = 'undone', reason = 'an operator took this vote back'
     WHERE ip = ? AND received >= ? AND host = ? AND prog = ? AND jail = ? AND verdict = 'counted' AND code IS NULL`,
  ).run(ip, since, hostId, prog, jail);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Lifts what hosts banned by themselves, less what is banned for itself too, and what an operator has lifted since. */
export function liftOwn(books: Books, own: readonly ReportedBan[], now: number, limit = Infinity): Event[] {
  const isBanned = (ban: BanKey): boolean => {
    const known = books.bans.get(ban);
    return known !== undefined && isActive(known, now);
  };
  const standing = own.filter((ban) => books.bans.liftedAt(ban) < ban.received && !isBanned(ban));
  return standing
    .slice(0, limit)
    .map(({ ip, prog, jail }) => unban(books, { ip, prog, jail }, OPERATOR_HOST, now));
}
