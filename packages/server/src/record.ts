import type { BanKey, Event, HostName, VerdictWord } from '@banshare/protocol';
import type { BanBook } from './ban-book.ts';
import type { EventBook } from './event-book.ts';
import type { HeldBook } from './held.ts';
import type { Verdict } from './judge.ts';
import { banOf, detailsOf, type Decide, type Known, type Recorded, type Submission } from './ledger.ts';
import type { Row, Sql } from './rows.ts';

/** The tables of an open ledger. */
export type Books = { sql: Sql; events: EventBook; bans: BanBook; held: HeldBook };

/** Judges one submission and writes what follows; the caller's transaction makes it one with the others. */
export function recordOne(books: Books, submission: Submission, decide: Decide): Recorded {
  const earlier = answeredBefore(books.sql, submission);
  if (earlier !== undefined) return earlier;
  const ban = banOf(submission);
  const recorded = carryOut(books, submission, decide(submission, knownOf(books, submission)));
  books
    .sql('INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      submission.host.id,
      submission.id,
      submission.received,
      submission.at,
      submission.kind,
      ban.ip,
      ban.prog,
      ban.jail,
      recorded.verdict,
      recorded.code ?? null,
      recorded.reason ?? null,
      recorded.seq ?? null,
      null,
    );
  return recorded;
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
  };
}

function knownOf({ bans, sql }: Books, submission: Submission): Known {
  const ban = banOf(submission);
  const published = bans.get(ban);
  const hosts = submission.kind === 'unban' && published !== undefined ? bans.supporters(ban) : [];
  const supports = hosts.includes(submission.host.id);
  const past = {
    madeAt: submission.at,
    liftedAt: bans.liftedAt(ban),
    offences: bans.offences(ban.ip),
    isBanned: bans.isBanned(ban.ip, submission.received),
  };
  return {
    ban: published,
    supports,
    others: hosts.length - (supports ? 1 : 0),
    past,
    voters: (since) => votersOf(sql, ban, since),
  };
}

/** A vote counts until its host takes it back or is shut out. */
function votersOf(sql: Sql, ban: BanKey, since: number): number[] {
  const rows = sql(
    `SELECT DISTINCT host FROM reports AS vote
     WHERE ip = ? AND prog = ? AND jail = ? AND received >= ? AND verdict = 'counted'
     AND host IN (SELECT id FROM hosts WHERE state = 'active')
     AND NOT EXISTS (SELECT 1 FROM reports WHERE host = vote.host AND kind = 'unban' AND received >= vote.received
       AND ip = vote.ip AND prog = vote.prog AND jail = vote.jail)`,
  ).all(ban.ip, ban.prog, ban.jail, since) as Row[];
  return rows.map((row) => Number(row['host']));
}

function carryOut(books: Books, submission: Submission, verdict: Verdict): Recorded {
  const { host, received } = submission;
  const { ip, prog, jail } = banOf(submission);
  const ban = { ip, prog, jail };
  if (verdict.verdict === 'refused' || verdict.verdict === 'counted') return verdict;
  if (verdict.verdict === 'held') {
    books.held.hold({ ...ban, ...detailsOf(submission), host, at: received, until: verdict.until });
    return { verdict: 'held', reason: verdict.reason };
  }
  if (verdict.verdict === 'duplicate') {
    if (submission.kind === 'report') books.bans.support(ban, host.id, received);
    return verdict;
  }
  if ('withdraw' in verdict) {
    books.bans.withdraw(ban, host.id);
    return { verdict: 'accepted' };
  }
  if (verdict.publish.kind === 'unban') {
    const event = unban(books, ban, host.name, received);
    return { verdict: 'accepted', seq: event.seq, event };
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
  return { verdict: 'accepted', seq: event.seq, event };
}

/** Publishes the end of a ban. */
export function unban({ events, bans }: Books, ban: BanKey, host: HostName, now: number): Event {
  const event = events.append({ ...ban, kind: 'unban', host, at: now, until: null });
  bans.follow(event);
  return event;
}
