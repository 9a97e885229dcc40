import type { DatabaseSync } from 'node:sqlite';
import {
  OPERATOR_HOST,
  type BanKey,
  type Details,
  type Event,
  type HostName,
  type Position,
  type VerdictWord,
} from '@banshare/protocol';
import { failpoint } from '@banshare/runtime';
import { BanBook, type Selection } from './ban-book.ts';
import { openDatabase, statements } from './database.ts';
import { EventBook } from './event-book.ts';
import { historyOf } from './history.ts';
import type { Verdict } from './judge.ts';
import {
  banOf,
  detailsOf,
  type Decide,
  type History,
  type Known,
  type Ledger,
  type Recorded,
  type Submission,
} from './ledger.ts';
import type { Row, Sql } from './rows.ts';

type Books = { database: DatabaseSync; sql: Sql; events: EventBook; bans: BanBook };

/**
 * The ledger in SQLite. One connection writes; a failed commit leaves it unknown what was stored (facts section 4), so the
 * database is opened again before anything else is written.
 */
export class SqliteLedger implements Ledger {
  readonly #path: string;
  readonly #makeEpoch: () => string;
  #books: Books;

  /** @throws when the database cannot be used. */
  constructor(path: string, makeEpoch: () => string) {
    this.#path = path;
    this.#makeEpoch = makeEpoch;
    this.#books = this.#open();
  }

  /** For the other tables of the same file. */
  get sql(): Sql {
    return this.#books.sql;
  }

  head(): Position {
    return this.#books.events.head();
  }

  async record(submissions: readonly Submission[], decide: Decide): Promise<Recorded[]> {
    return this.#write((books) => submissions.map((submission) => recordOne(books, submission, decide)));
  }

  async ban(ban: BanKey & Details & { until: number | null }, now: number): Promise<Event> {
    return this.#write(({ events, bans }) => {
      const event = events.append({ ...ban, kind: 'ban', host: OPERATOR_HOST, at: now });
      bans.follow(event);
      return event;
    });
  }

  async lift(selection: Selection, now: number): Promise<Event[]> {
    return this.#write((books) => {
      books.bans.markLifted(selection, now);
      return books.bans.select(selection, now).map((ban) => unban(books, ban, OPERATOR_HOST, now));
    });
  }

  async undo(hostId: number, since: number, now: number): Promise<{ lifted: Event[]; kept: number }> {
    return this.#write((books) => {
      const supported = books.bans.supportedBy(hostId, since, now);
      for (const ban of supported) books.bans.withdraw(ban, hostId);
      const alone = supported.filter((ban) => books.bans.supporters(ban).length === 0);
      const lifted = alone.map((ban) => unban(books, ban, OPERATOR_HOST, now));
      return { lifted, kept: supported.length - alone.length };
    });
  }

  async since(seq: number, limit: number): Promise<Event[]> {
    return this.#books.events.since(seq, limit);
  }

  async at(seq: number): Promise<Position | undefined> {
    return this.#books.events.at(seq);
  }

  async active(range: { afterSeq: number; uptoSeq: number; limit: number }, now: number): Promise<Event[]> {
    return this.#books.bans.active(range, this.head().epoch, now);
  }

  /** When the last event was, epoch seconds; 0 without one. */
  async lastTime(): Promise<number> {
    const row = this.sql('SELECT max(at) AS at FROM events WHERE seq = ?').get(this.head().seq) as Row;
    return Number(row['at'] ?? 0);
  }

  async countActive(now: number): Promise<number> {
    return this.#books.bans.countActive(now);
  }

  async history(ip: string): Promise<History> {
    return historyOf(this.sql, this.head().epoch, ip);
  }

  /**
   * Removes a part of what is no longer needed: bans that are over, events older than `keepSeconds`, reports older than that
   * and 9 days; returns whether there may be more.
   */
  async sweep(now: number, keepSeconds: number, limit: number): Promise<boolean> {
    return this.#write(({ sql, events, bans }) => {
      const before = now - keepSeconds;
      const swept = bans.sweep(now - 3600, limit);
      const pruned = events.prune(before, limit);
      const oldest = Math.min(before, now - ID_SECONDS);
      const { changes } = sql(
        'DELETE FROM reports WHERE (host, id) IN (SELECT host, id FROM reports WHERE received < ? LIMIT ?)',
      ).run(oldest, limit);
      sql('DELETE FROM outcomes WHERE at < ?').run(before);
      sql('DELETE FROM acks WHERE at < ?').run(before);
      sql('DELETE FROM lifted WHERE at < ?').run(now - ID_SECONDS);
      return swept === limit || pruned > 0 || Number(changes) === limit;
    });
  }

  /** Writes a copy of the whole database to a path where nothing is yet; meanwhile nothing else is written. */
  copyTo(path: string): void {
    this.sql('VACUUM INTO ?').run(path);
  }

  /** Does several writes of the file's other tables in one transaction. */
  together<T>(work: () => T): T {
    return this.#write(work);
  }

  close(): void {
    this.#books.database.close();
  }

  #write<T>(work: (books: Books) => T): T {
    const before = this.head();
    try {
      this.#books.database.exec('BEGIN IMMEDIATE');
      const result = work(this.#books);
      failpoint('before-commit');
      this.#books.database.exec('COMMIT');
      failpoint('after-commit');
      return result;
    } catch (error) {
      this.#books.events.rewind(before);
      this.#reopen();
      throw new Error(`Cannot write the ledger "${this.#path}": ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #open(): Books {
    const database = openDatabase(this.#path);
    const sql = statements(database) as Sql;
    return { database, sql, events: new EventBook(sql, this.#makeEpoch), bans: new BanBook(sql) };
  }

  #reopen(): void {
    try {
      this.#books.database.close();
    } catch {
      // It may be closed already; what counts is that the next one opens.
    }
    this.#books = this.#open();
  }
}

/** The same id gets the same verdict for so long; no report older than 8 days is taken. */
const ID_SECONDS = 9 * 86_400;

function recordOne(books: Books, submission: Submission, decide: Decide): Recorded {
  const earlier = answeredBefore(books.sql, submission);
  if (earlier !== undefined) return earlier;
  const ban = banOf(submission);
  const recorded = carryOut(books, submission, decide(submission, knownOf(books, submission)));
  books
    .sql('INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
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

function knownOf({ bans }: Books, submission: Submission): Known {
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
  return { ban: published, supports, others: hosts.length - (supports ? 1 : 0), past };
}

function carryOut(books: Books, submission: Submission, verdict: Verdict): Recorded {
  const { host, received } = submission;
  const { ip, prog, jail } = banOf(submission);
  const ban = { ip, prog, jail };
  if (verdict.verdict === 'refused') return verdict;
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
  const { until } = verdict.publish;
  const event = books.events.append({
    ...ban,
    ...detailsOf(submission),
    kind: 'ban',
    host: host.name,
    at: received,
    until,
  });
  books.bans.follow(event);
  books.bans.support(ban, host.id, received);
  return { verdict: 'accepted', seq: event.seq, event };
}

function unban({ events, bans }: Books, ban: BanKey, host: HostName, now: number): Event {
  const event = events.append({ ...ban, kind: 'unban', host, at: now, until: null });
  bans.follow(event);
  return event;
}
