import { isRange, OPERATOR_HOST, type BanKey, type Event, banKeyText } from '@banshare/protocol';
import { unban, type Books } from './record.ts';
import { reportedAs, type ReportedBan } from './tables/reports.ts';
import type { Row } from './tables/rows.ts';
import type { Shorter, UndoWhat, UndoPlan, Undone } from '../words/undo.ts';
import { isActive } from '../words/verdict.ts';

/**
 * Finds what an undo since a time would do. What one host caused is what nobody else supports, and the later end of what others
 * support; of the rest it is what began since then: a ban that stood before and was only renewed stays.
 */
export function planUndo(books: Books, what: UndoWhat, since: number, now: number): UndoPlan {
  const { sql, bans } = books;
  if (what.kind === 'hosts') {
    const supported = new Map<string, BanKey>();
    for (const id of what.ids)
      for (const ban of bans.supportedBy(id, since, now)) supported.set(banKeyText(ban), ban);
    const all = [...supported.values()].map((ban) => ({ ban, end: bans.endWithout(ban, what.ids, now) }));
    const shorten = all.flatMap(({ ban, end }) => {
      const standing = bans.get(ban);
      return end === undefined || standing === undefined || !isLater(standing.until, end)
        ? []
        : [{ ...ban, until: end }];
    });
    return {
      lift: all.filter(({ end }) => end === undefined).map(({ ban }) => ban),
      keep: all.filter(({ end }) => end !== undefined).map(({ ban }) => ban),
      shorten,
      votes: sum(what.ids.map((id) => books.votes.countOf(id, since))),
      held: sum(what.ids.map((id) => books.held.countOf(id, since))),
    };
  }
  if (what.kind === 'import') {
    const lift = sql('SELECT ip, prog, jail FROM bans WHERE import = ? AND (until IS NULL OR until > ?)').all(
      what.number,
      now,
    ) as BanKey[];
    return { lift, keep: [], shorten: [], votes: 0, held: 0 };
  }
  const jail = what.kind === 'jail' ? what.jail : null;
  // Events come in the order of their time: the last one before is found from the newest end.
  const rows = sql(
    `SELECT ip, prog, jail, began FROM bans WHERE seq > (SELECT coalesce(max(seq), 0) FROM events WHERE at < ?1)
     AND (?2 IS NULL OR jail = ?2) AND (until IS NULL OR until > ?3)`,
  ).all(since, jail, now) as (Row & BanKey & { began: number })[];
  const keys = rows.map(({ ip, prog, jail: of, began }) => ({
    ban: { ip, prog, jail: of },
    isNew: began >= since,
  }));
  return {
    lift: keys.filter(({ isNew }) => isNew).map(({ ban }) => ban),
    keep: keys.filter(({ isNew }) => !isNew).map(({ ban }) => ban),
    shorten: [],
    votes: books.votes.countSince(since, jail),
    held: books.held.countSince(since, jail),
  };
}

/** Does a part of an undo, at most so many bans; what only waits is dropped at once. Returns whether there is more. */
export function undoPart(
  books: Books,
  what: UndoWhat,
  since: number,
  now: number,
  limit: number,
): Undone & { isDone: boolean } {
  const { bans, votes, held } = books;
  const plan = planUndo(books, what, since, now);
  const part = plan.lift.slice(0, limit);
  const shorter = plan.shorten.slice(0, limit - part.length);
  if (what.kind === 'hosts') {
    // What is left for another part has to be found again.
    const later = new Set(plan.shorten.slice(shorter.length).map(banKeyText));
    const settled = plan.keep.filter((ban) => !later.has(banKeyText(ban)));
    for (const id of what.ids) {
      for (const ban of [...part, ...settled]) bans.withdraw(ban, id);
      markUndone(books, id, since);
      votes.dropOf(id, since);
      held.dropOf(id, since);
    }
  } else if (what.kind !== 'import') {
    const jail = what.kind === 'jail' ? what.jail : null;
    votes.dropSince(since, jail);
    held.dropSince(since, jail);
  }
  const lifted = part.flatMap((ban) => liftOne(books, what, ban, now));
  return {
    lifted,
    kept: plan.keep.length,
    shortened: shorter.map((ban) => shortenOne(books, ban, now)),
    votes: plan.votes,
    held: plan.held,
    isDone: part.length === plan.lift.length && shorter.length === plan.shorten.length,
  };
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

function markUndone({ sql }: Books, hostId: number, since: number): void {
  sql(
    `UPDATE reports SET code = 'undone', reason = 'an operator took this vote back'
     WHERE host = ? AND received >= ? AND verdict = 'counted' AND code IS NULL`,
  ).run(hostId, since);
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
