import type { BanKey, Event, HostName, Target, VerdictWord } from '@banshare/protocol';
import type { BanBook } from './tables/bans.ts';
import { keepEvidence } from './tables/evidence.ts';
import type { EventBook } from './tables/events.ts';
import type { HeldBook } from './tables/held-bans.ts';
import type { VoteBook } from './tables/votes.ts';
import type { Row, Sql } from './tables/rows.ts';
import { whoAsks } from './who-asks.ts';
import { widerRanges } from '../words/wider-ranges.ts';
import { isActive, type Verdict } from '../words/verdict.ts';
import {
  banOf,
  detailsOf,
  type Aim,
  type Decide,
  type Known,
  type Look,
  type Recorded,
  type Submission,
} from '../words/submission.ts';

/** The tables of an open ledger. */
export type Books = { sql: Sql; events: EventBook; bans: BanBook; held: HeldBook; votes: VoteBook };

/** Judges one submission and writes what follows; the caller's transaction makes it one with the others. */
export function recordOne(books: Books, submission: Submission, decide: Decide, aim: Aim): Recorded {
  const earlier = answeredBefore(books.sql, submission);
  if (earlier !== undefined) return earlier;
  const { ip, prog, jail } = banOf(submission);
  const { targets, isCrowded } = aim(submission, lookOf(books, submission));
  const recorded = inOne(
    targets.map((target) => {
      const known = knownOf(books, submission, target, isCrowded);
      return carryOut(books, submission, known, decide(submission, known));
    }),
  );
  // Whoever comes again with the same id is judged anew.
  if (recorded.verdict === 'retry') return recorded;
  const target = targets.at(-1);
  books
    .sql(
      `INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(n), 0) + 1 FROM reports))`,
    )
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
  keepEvidence(books.sql, submission);
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
    isSupported: (ip) => isActiveNow(ip) && bans.isSupportedBy({ ip, prog, jail }, host.id),
    reportedAs: (ip) => reportedAs(sql, { ip, prog, jail }, host.id),
    countIn: (block, limit) => bans.countIn(block, limit, received),
  };
}

/** Each range that holds the address is looked up by itself: a host may have repeated its report of it without end. */
function reportedAs(sql: Sql, { ip, prog, jail }: BanKey, hostId: number): Target[] {
  const rows = sql(
    `SELECT wider.value AS target FROM json_each(?) AS wider WHERE EXISTS
     (SELECT 1 FROM reports WHERE ip = ? AND prog = ? AND jail = ? AND host = ? AND target = wider.value)`,
  ).all(JSON.stringify(widerRanges(ip)), ip, prog, jail, hostId);
  return rows.map((row) => (row as Row)['target'] as Target);
}

function knownOf({ bans, votes }: Books, submission: Submission, target: Target, isCrowded: boolean): Known {
  const reported = banOf(submission);
  const ban = { ...reported, ip: target };
  const published = bans.get(ban);
  // Others count only where the host that takes its word back stands behind the ban.
  const supports =
    submission.kind === 'unban' && published !== undefined && bans.isSupportedBy(ban, submission.host.id);
  const past = {
    madeAt: submission.at,
    // Who lifts the ban of one address means it also where its reports are widened since.
    liftedAt:
      target === reported.ip ? bans.liftedAt(ban) : Math.max(bans.liftedAt(ban), bans.liftedAt(reported)),
    offences: bans.offences(target),
    isBanned: bans.isBanned(target, submission.received),
    ...(submission.waited === undefined ? {} : { waited: submission.waited }),
  };
  return {
    target,
    isCrowded,
    ban: published,
    supports,
    others: supports && bans.endWithout(ban, [submission.host.id], submission.received) !== undefined ? 1 : 0,
    past,
    voters: (since) => votes.votersOf(reported, target, since),
  };
}

function carryOut(books: Books, submission: Submission, known: Known, verdict: Verdict): Recorded {
  const { host, received } = submission;
  const { target } = known;
  const { prog, jail } = banOf(submission);
  const ban = { ip: target, prog, jail };
  if (changesNothing(verdict)) return { ...verdict, events: [] };
  if (verdict.verdict === 'counted') {
    vote(books, submission, target, verdict.until ?? null);
    const { reason } = verdict;
    return { verdict: 'counted', ...(reason === undefined ? {} : { reason }), events: [] };
  }
  if (verdict.verdict === 'held') return hold(books, submission, target, verdict);
  // A host may have reported before a limit took hold, and again since.
  const wasHeld = submission.kind === 'unban' && takeBackWaiting(books, submission, target);
  if (verdict.verdict === 'duplicate') {
    if (wasHeld) return { verdict: 'accepted', events: [] };
    if (submission.kind === 'report') books.bans.support(ban, host.id, received, verdict.until ?? null);
    return { verdict: 'duplicate', ...(verdict.seq === undefined ? {} : { seq: verdict.seq }), events: [] };
  }
  if ('withdraw' in verdict) {
    books.bans.takeBack(ban, host.id);
    return { verdict: 'accepted', events: [] };
  }
  if (verdict.publish.kind === 'unban') {
    books.bans.forgetOffence(ban);
    const event = unban(books, ban, host.name, received);
    return { verdict: 'accepted', seq: event.seq, events: [event] };
  }
  return publish(books, submission, known, verdict.publish);
}

/** It is refused, or was over before it came: nobody stands behind anything by it. */
function changesNothing(
  verdict: Verdict,
): verdict is Extract<Verdict, { verdict: 'refused' } | { code: 'over' }> {
  return verdict.verdict === 'refused' || ('code' in verdict && verdict.code === 'over');
}

function publish(
  books: Books,
  submission: Submission,
  known: Known,
  { until, voters }: { until: number | null; voters?: readonly number[] },
): Recorded {
  const { host, received } = submission;
  const ban = { ...banOf(submission), ip: known.target };
  // It voted too, and may be asked for its vote when the ban is renewed.
  if (voters !== undefined) vote(books, submission, ban.ip, until);
  const event = books.events.append({
    ...ban,
    ...detailsOf(submission),
    kind: 'ban',
    host: host.name,
    at: received,
    until,
  });
  const before = { ban: known.ban ?? null, isBanned: known.past.isBanned };
  const isAlone = books.bans.follow(event, null, before);
  for (const voter of voters ?? []) {
    // It may have voted for the address that stands for this range here.
    const asked = books.votes.endOf(ban, voter);
    books.bans.support(ban, voter, received, asked === undefined ? until : asked);
  }
  if (isAlone && (voters ?? []).length === 0) books.bans.supportFirst(ban, host.id, received, until);
  else books.bans.support(ban, host.id, received, until);
  return { verdict: 'accepted', seq: event.seq, events: [event] };
}

/** Whoever votes for a later end stands behind what stands. */
function vote({ votes, bans }: Books, submission: Submission, target: Target, until: number | null): void {
  if (submission.kind !== 'report') return;
  const { host, received, report } = submission;
  votes.vote({ ...report, until }, target, host.id, received);
  const ban = { ip: target, prog: report.prog, jail: report.jail };
  const standing = bans.get(ban);
  if (standing !== undefined && isActive(standing, received)) bans.support(ban, host.id, received, until);
}

function hold(
  { held }: Books,
  submission: Submission,
  target: Target,
  { until, code, reason, isOfAddress, voters = [], most = Infinity }: Verdict & { verdict: 'held' },
): Recorded {
  const { host, received: at } = submission;
  const { ip, prog, jail } = banOf(submission);
  const of = isOfAddress === true ? ip : target;
  const draft = { ip: of, prog, jail, ...detailsOf(submission), host, at, until };
  if (held.hold(draft, voters, most)) return { verdict: 'held', code, reason, events: [] };
  return { verdict: 'retry', code: 'limit', reason: `${most} bans are held already: ${reason}`, events: [] };
}

/** What waits may wait as the address that was reported, or as what that stands for; returns whether it was held. */
function takeBackWaiting({ held, votes }: Books, submission: Submission, target: Target): boolean {
  const { ip, prog, jail } = banOf(submission);
  const hostId = submission.host.id;
  const each = [...new Set([ip, target])].map((of) => ({ ip: of, prog, jail }));
  for (const ban of each) votes.withdraw(ban, hostId);
  return each.map((ban) => held.withdraw(ban, hostId)).includes(true);
}

/** Publishes the end of a ban, with the reason where an operator gave one. */
export function unban(
  { events, bans }: Books,
  ban: BanKey,
  host: HostName,
  now: number,
  how: Pick<Event, 'everyJail'> = {},
): Event {
  const { reason } = whoAsks() ?? {};
  const why = reason === undefined ? {} : { reason };
  const event = events.append({ ...ban, kind: 'unban', host, at: now, until: null, ...how, ...why });
  bans.follow(event);
  return event;
}
