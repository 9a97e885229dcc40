import type { BanKey, Event, HostName, ReportedBan, Target, VerdictWord } from '@banshare/protocol';
import type { BanBook } from './ban-book.ts';
import type { EventBook } from './event-book.ts';
import type { HeldBook } from './held.ts';
import { isActive, type Verdict } from './judge.ts';
import {
  banOf,
  detailsOf,
  type Aim,
  type Decide,
  type Known,
  type Look,
  type Recorded,
  type Submission,
  type Voter,
} from './ledger.ts';
import type { Row, Sql } from './rows.ts';

/** The tables of an open ledger. */
export type Books = { sql: Sql; events: EventBook; bans: BanBook; held: HeldBook };

/** Judges one submission and writes what follows; the caller's transaction makes it one with the others. */
export function recordOne(books: Books, submission: Submission, decide: Decide, aim: Aim): Recorded {
  const earlier = answeredBefore(books.sql, submission);
  if (earlier !== undefined) return earlier;
  const { ip, prog, jail } = banOf(submission);
  const { targets, isCrowded } = aim(submission, lookOf(books, submission));
  const recorded = inOne(
    targets.map((target) => {
      const known = knownOf(books, submission, target, isCrowded);
      return carryOut(books, submission, target, decide(submission, known));
    }),
  );
  // Whoever comes again with the same id is judged anew.
  if (recorded.verdict === 'retry') return recorded;
  const target = targets.at(-1);
  books
    .sql('INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      submission.host.id,
      submission.id,
      submission.received,
      submission.at,
      submission.kind,
      ip,
      prog,
      jail,
      recorded.verdict,
      recorded.code ?? null,
      recorded.reason ?? null,
      recorded.seq ?? null,
      target === undefined || target === ip ? null : target,
    );
  return recorded;
}

/** Several things that one host takes back with one word get one answer. */
function inOne(recorded: readonly Recorded[]): Recorded {
  const told = recorded.findLast(({ verdict }) => verdict === 'accepted') ?? recorded.at(-1);
  if (told === undefined) throw new Error('a submission about nothing');
  return { ...told, events: recorded.flatMap(({ events }) => events) };
}

/** The verdict that the same id of the same host got before. */
function answeredBefore(sql: Sql, submission: Submission): Recorded | undefined {
  const row = sql('SELECT verdict, code, reason, seq FROM reports WHERE host = ? AND id = ?').get(
    submission.host.id,
    submission.id,
  ) as Row | undefined;
  if (row === undefined) return undefined;
  const { verdict, code, reason, seq } = row;
  return {
    verdict: verdict as VerdictWord,
    ...(seq === null ? {} : { seq: Number(seq) }),
    ...(code === null ? {} : { code: String(code) }),
    ...(reason === null ? {} : { reason: String(reason) }),
    events: [],
  };
}

function lookOf({ bans, sql }: Books, { host, received, ...submission }: Submission): Look {
  const { prog, jail } = 'report' in submission ? submission.report : submission.ban;
  const isActiveNow = (ip: Target): boolean => {
    const ban = bans.get({ ip, prog, jail });
    return ban !== undefined && isActive(ban, received);
  };
  return {
    isActive: isActiveNow,
    isBanned: (ip) => bans.isBanned(ip, received),
    isSupported: (ip) => isActiveNow(ip) && bans.supporters({ ip, prog, jail }).includes(host.id),
    reportedAs: (ip) =>
      sql(
        'SELECT DISTINCT target FROM reports WHERE ip = ? AND prog = ? AND jail = ? AND host = ? AND target IS NOT NULL',
      )
        .all(ip, prog, jail, host.id)
        .map((row) => (row as Row)['target'] as Target),
    countIn: (block, limit) => bans.countIn(block, limit, received),
  };
}

function knownOf({ bans, sql }: Books, submission: Submission, target: Target, isCrowded: boolean): Known {
  const reported = banOf(submission);
  const ban = { ...reported, ip: target };
  const published = bans.get(ban);
  const hosts = submission.kind === 'unban' && published !== undefined ? bans.supporters(ban) : [];
  const supports = hosts.includes(submission.host.id);
  const past = {
    madeAt: submission.at,
    // Who lifts the ban of one address means it also where its reports are widened since.
    liftedAt:
      target === reported.ip ? bans.liftedAt(ban) : Math.max(bans.liftedAt(ban), bans.liftedAt(reported)),
    offences: bans.offences(target),
    isBanned: bans.isBanned(target, submission.received),
  };
  return {
    target,
    isCrowded,
    ban: published,
    supports,
    others: hosts.length - (supports ? 1 : 0),
    past,
    voters: (since) => votersOf(sql, reported, target, since),
  };
}

/** A vote counts until its host takes it back or is shut out; it is one for the address, and for what that stood for. */
function votersOf(sql: Sql, { ip, prog, jail }: ReportedBan, target: Target, since: number): Voter[] {
  const about = target === ip ? 'ip = ?1' : '(ip = ?1 OR target = ?5)';
  const rows = sql(
    `SELECT DISTINCT vote.host AS id, hosts.name AS name FROM reports AS vote JOIN hosts ON hosts.id = vote.host
     WHERE ${about} AND prog = ?2 AND jail = ?3 AND received >= ?4 AND verdict = 'counted' AND code IS NULL
     AND hosts.state = 'active'
     AND NOT EXISTS (SELECT 1 FROM reports WHERE host = vote.host AND kind = 'unban' AND received >= vote.received
       AND ip = vote.ip AND prog = vote.prog AND jail = vote.jail)
     AND NOT EXISTS (SELECT 1 FROM reports WHERE host = vote.host AND kind = 'unban' AND received >= vote.received
       AND target = vote.target AND prog = vote.prog AND jail = vote.jail)`,
  ).all(ip, prog, jail, since, ...(target === ip ? [] : [target])) as Row[];
  return rows.map((row) => ({ id: Number(row['id']), name: String(row['name']) }));
}

function carryOut(books: Books, submission: Submission, target: Target, verdict: Verdict): Recorded {
  const { host, received } = submission;
  const { prog, jail } = banOf(submission);
  const ban = { ip: target, prog, jail };
  if (verdict.verdict === 'refused' || verdict.verdict === 'counted') return { ...verdict, events: [] };
  if (verdict.verdict === 'held') return hold(books, submission, target, verdict);
  // A host may have reported before a brake took hold, and again since.
  const wasHeld = submission.kind === 'unban' && takeBackHeld(books, submission, target);
  if (verdict.verdict === 'duplicate') {
    if (wasHeld) return { verdict: 'accepted', events: [] };
    if (submission.kind === 'report') books.bans.support(ban, host.id, received);
    return { ...verdict, events: [] };
  }
  if ('withdraw' in verdict) {
    books.bans.withdraw(ban, host.id);
    return { verdict: 'accepted', events: [] };
  }
  if (verdict.publish.kind === 'unban') {
    const event = unban(books, ban, host.name, received);
    return { verdict: 'accepted', seq: event.seq, events: [event] };
  }
  const { until, voters = [] } = verdict.publish;
  const event = books.events.append({
    ...ban,
    ...detailsOf(submission),
    kind: 'ban',
    host: host.name,
    at: received,
    until,
  });
  books.bans.follow(event);
  for (const supporter of [...voters, host.id]) books.bans.support(ban, supporter, received);
  return { verdict: 'accepted', seq: event.seq, events: [event] };
}

function hold(
  { held }: Books,
  submission: Submission,
  target: Target,
  { until, reason, isOfAddress, voters = [], most = Infinity }: Verdict & { verdict: 'held' },
): Recorded {
  const { host, received: at } = submission;
  const { ip, prog, jail } = banOf(submission);
  const of = isOfAddress === true ? ip : target;
  const draft = { ip: of, prog, jail, ...detailsOf(submission), host, at, until };
  if (held.hold(draft, voters, most)) return { verdict: 'held', reason, events: [] };
  return { verdict: 'retry', code: 'limit', reason: `${most} bans are held already: ${reason}`, events: [] };
}

/** What is held may be held as the address that was reported, or as what that stands for. */
function takeBackHeld({ held }: Books, submission: Submission, target: Target): boolean {
  const { ip, prog, jail } = banOf(submission);
  const wasHeld = [ip, target].map((of) => held.withdraw({ ip: of, prog, jail }, submission.host.id));
  return wasHeld.includes(true);
}

/** Publishes the end of a ban. */
export function unban(
  { events, bans }: Books,
  ban: BanKey,
  host: HostName,
  now: number,
  how: Pick<Event, 'everyJail'> = {},
): Event {
  const event = events.append({ ...ban, kind: 'unban', host, at: now, until: null, ...how });
  bans.follow(event);
  return event;
}
