import type { DatabaseSync } from 'node:sqlite';
import {
  type BanKey,
  type Details,
  type Event,
  OLDEST_SECONDS,
  OPERATOR_HOST,
  type Position,
  type Range,
  type Target,
} from '@banshare/protocol';
import { failpoint } from '@banshare/runtime';
import { BanBook, type Selection } from './bans.ts';
import { blockOf } from '../words/ipv6-block.ts';
import { openDatabase, statements } from './database.ts';
import { EventBook } from './events.ts';
import { HeldBook } from './held-bans.ts';
import { releaseHeld } from './release.ts';
import { recordOne, unban, type Books } from './record.ts';
import { reportedAs, reportedWithin, historyOf } from './reports.ts';
import type { Row, Sql } from './rows.ts';
import { planUndo, undoPart, liftOwn } from './undo.ts';
import { VoteBook } from './votes.ts';
import { isActive } from '../words/verdict.ts';
import { banOf, type Aim, type Decide, type Recorded, type Submission } from '../words/submission.ts';
import type { UndoPlan, UndoWhat, Undone } from '../words/undo.ts';
import type { History } from '../words/history.ts';

/** `note` is called with what was done, in the transaction that does it: neither is stored without the other. */
export type Noted<T> = { note?: (done: T) => void };

/**
 * What the server keeps, in one file of SQLite. One connection writes, and what may wait for the disk returns a promise; what changes
 * something @throws when it is not known to be stored. A failed commit leaves it unknown what was stored: an fsync that failed may have written all the same, so the
 * database is opened again before anything else is written.
 */
export class Ledger {
  readonly #path: string;
  readonly #makeEpoch: () => string;
  #database: DatabaseSync;
  #books: Books;
  #isWriting = false;
  #reopened: () => void = () => undefined;

  /** @throws when the database cannot be used. */
  constructor(path: string, makeEpoch: () => string) {
    this.#path = path;
    this.#makeEpoch = makeEpoch;
    this.#database = openDatabase(path);
    this.#books = this.#readBooks();
  }

  /** Calls a listener when the database was opened again after a fault: the head may then be ahead of what was published. */
  onReopened(listen: () => void): void {
    this.#reopened = listen;
  }

  /** For the other tables of the same file. */
  get sql(): Sql {
    return this.#books.sql;
  }

  /** The last event. */
  head(): Position {
    return this.#books.events.head();
  }

  /** Judges and writes submissions in one transaction; without an aim each is about its address alone. */
  async record(
    submissions: readonly Submission[],
    decide: Decide,
    aim: Aim = atAddress,
  ): Promise<Recorded[]> {
    return this.#write((books) => submissions.map((submission) => recordOne(books, submission, decide, aim)));
  }

  /** Publishes bans of prog operator; of an import less those that are banned already and end no earlier. */
  async ban(
    drafts: readonly (BanKey & Details & { until: number | null })[],
    now: number,
    by: 'operator' | 'import',
    { number = null, ...how }: { number?: number | null } & Noted<Event[]> = {},
  ): Promise<Event[]> {
    return this.#write(
      ({ events, bans }) =>
        drafts.flatMap((draft) => {
          // A list must not shorten what a person banned for longer, nor what it names twice, nor take a person's word away.
          if (by === 'import' && bans.covers(draft, now)) return [];
          const known = by === 'import' ? bans.get(draft) : undefined;
          const isTyped =
            known !== undefined && isActive(known, now) && events.origin(known.seq) === 'operator';
          const said = { by: isTyped ? 'operator' : by, host: OPERATOR_HOST, at: now } as const;
          const event = events.append({ ...draft, kind: 'ban', ...said });
          bans.follow(event, by === 'import' ? number : null);
          return [event];
        }),
      how,
    );
  }

  /**
   * Lifts what an operator selects, whoever supports it, and keeps earlier reports from bringing it back. everyJail: hosts let
   * the address go in all of their jails. unknown: published where nothing is active, for hosts that hold what this ledger lacks.
   */
  async lift(
    selection: Selection,
    now: number,
    { unknown, ...how }: { everyJail?: true; unknown?: BanKey } & Noted<Event[]> = {},
  ): Promise<Event[]> {
    return this.#write((books) => {
      books.bans.markLifted(selection, now);
      books.held.dropExactly(selection.ip, selection.jail);
      const active = books.bans.select(selection, now);
      const bans = active.length === 0 && unknown !== undefined ? [unknown] : active;
      return bans.map((ban) => unban(books, ban, OPERATOR_HOST, now, how));
    }, how);
  }

  /**
   * Lifts what hosts reported within a range since a time and no operator has lifted since, whatever became of the reports, of
   * at most so many addresses at once, in every jail; what is held of the range is dropped.
   */
  async liftReported(range: Range, since: number, now: number, limit: number): Promise<Event[]> {
    return this.#write((books) => {
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
    });
  }

  /**
   * Lifts the addresses whose reports became the ban of a range, of at most so many at once: the hosts that reported them ban
   * them by themselves. What is banned for itself too stays.
   */
  async liftWidened({ ip, jail }: Selection, now: number, limit: number): Promise<Event[]> {
    return this.#write((books) => {
      const lifted = liftOwn(books, reportedAs(books.sql, ip, { jail }), now, limit);
      for (const { ip: address, jail: of } of lifted) books.bans.markLifted({ ip: address, jail: of }, now);
      return lifted;
    });
  }

  /**
   * Takes back what began since a time, at most so many bans at once: of hosts their support and votes, what nobody else supports is
   * lifted; what is held of it is dropped.
   */
  async undo(
    what: UndoWhat,
    since: number,
    now: number,
    { limit = Infinity, ...how }: { limit?: number } & Noted<Undone> = {},
  ): Promise<Undone & { isDone: boolean }> {
    return this.#write((books) => undoPart(books, what, since, now, limit), how);
  }

  /** What an undo would do. */
  async planUndo(what: UndoWhat, since: number, now: number): Promise<UndoPlan> {
    return planUndo(this.#books, what, since, now);
  }

  /** The number of the newest import; 0 where there was none. */
  newestImport(): number {
    const row = this.sql("SELECT value FROM meta WHERE name = 'imports'").get() as Row | undefined;
    return Number(row?.['value'] ?? 0);
  }

  /** A number for an import, by which it can be taken back. */
  nextImport(): number {
    return this.write(() => {
      const number = this.newestImport() + 1;
      this.sql("INSERT OR REPLACE INTO meta VALUES ('imports', ?)").run(String(number));
      return number;
    });
  }

  /** Publishes what is held, less what is over, was lifted or is protected meanwhile; what `waits` stays held. */
  async release(
    now: number,
    isProtected: (ip: Target) => boolean,
    { limit, waits, ...how }: { limit?: number; waits?: (ip: Target) => boolean } & Noted<Event[]> = {},
  ): Promise<Event[]> {
    return this.#write(
      (books) =>
        releaseHeld(books, now, isProtected, {
          ...(limit === undefined ? {} : { limit }),
          ...(waits === undefined ? {} : { waits }),
        }),
      how,
    );
  }

  /** Drops what waits of a host that is shut out, its votes and what is held, also within a transaction; returns how many are held. */
  dropHeldOf(hostId: number): number {
    return this.write(() => {
      this.#books.votes.dropOf(hostId, 0);
      return this.#books.held.dropOf(hostId, 0);
    });
  }

  /** Forgets what is held; returns how many. */
  async dropHeld(how: Noted<number> = {}): Promise<number> {
    return this.#write(({ held }) => held.dropAll(), how);
  }

  countHeld(): number {
    return this.#books.held.count();
  }

  /** The newest of what is held. */
  listHeld(limit: number): ReturnType<HeldBook['list']> {
    return this.#books.held.list(limit);
  }

  /** The /64s of which so many addresses or more are banned, and another is held; of the newest that are held. */
  heldBlocks(least: number, now: number): Target[] {
    const { held, bans } = this.#books;
    const blocks = new Set(held.list(MOST_HELD_SEEN).flatMap(({ ip }) => blockOf(ip as Target) ?? []));
    return [...blocks].filter((block) => bans.countIn(block, least, now) >= least);
  }

  /** Whether anything is held of exactly that address. */
  /** How many are held of exactly these. */
  countHeldOf(ips: readonly Target[]): number {
    return this.#books.held.countOfEach(ips);
  }

  isHeld(ip: Target): boolean {
    return this.#books.held.isHeld(ip);
  }

  /** The events after a seq, in order. */
  async since(seq: number, limit: number): Promise<Event[]> {
    return this.#books.events.since(seq, limit);
  }

  /** The place of a seq; undefined when it is none or what follows it is no longer kept. */
  async at(seq: number): Promise<Position | undefined> {
    return this.#books.events.at(seq);
  }

  /** Active bans last published after `afterSeq` and up to `uptoSeq`, in order of their seq, as their events. */
  async active(range: { afterSeq: number; uptoSeq: number; limit: number }, now: number): Promise<Event[]> {
    return this.#books.bans.active(range, this.head().epoch, now);
  }

  /** When the last event was, epoch seconds; 0 without one. */
  async lastTime(): Promise<number> {
    const row = this.sql('SELECT max(at) AS at FROM events WHERE seq = ?').get(this.head().seq) as Row;
    return Number(row['at'] ?? 0);
  }

  async countActive(now: number): Promise<number> {
    return this.activeNow(now);
  }

  /** The count at once, for use inside a transaction. */
  activeNow(now: number): number {
    return this.#books.bans.countActive(now);
  }

  /** The active bans of an address or range and of every wider range, the widest first. */
  async around(target: Target, now: number): Promise<BanKey[]> {
    return this.#books.bans.around(target, now);
  }

  /** How many of them are of ranges. */
  async countRanges(now: number): Promise<number> {
    return this.#books.bans.countRanges(now);
  }

  /** What is known of an address or range, the bans of wider ranges included. */
  async history(ip: Target): Promise<History> {
    return historyOf(this.sql, this.head().epoch, ip);
  }

  /**
   * Removes a part of what is no longer needed: bans that are over, events older than `keepSeconds`, reports older than that
   * and 9 days; returns whether there may be more.
   */
  async sweep(now: number, keepSeconds: number, limit: number): Promise<boolean> {
    return this.#write(({ sql, events, bans, votes }) => {
      const before = now - keepSeconds;
      votes.sweep(now);
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

  /** Does several writes of the file's other tables in one transaction; inside another it becomes a part of that. */
  write<T>(work: () => T): T {
    return this.#isWriting ? work() : this.#write(work);
  }

  close(): void {
    this.#database.close();
  }

  #write<T>(work: (books: Books) => T, how: Noted<T> = {}): T {
    const before = this.head();
    this.#isWriting = true;
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const result = work(this.#books);
      how.note?.(result);
      failpoint('before-commit');
      this.#database.exec('COMMIT');
      failpoint('after-commit');
      return result;
    } catch (error) {
      this.#books.events.rewind(before);
      this.#reopen();
      throw new Error(`Cannot write the ledger "${this.#path}": ${(error as Error).message}`, {
        cause: error,
      });
    } finally {
      this.#isWriting = false;
    }
  }

  #readBooks(): Books {
    const sql = statements(this.#database) as Sql;
    return {
      sql,
      events: new EventBook(sql, this.#makeEpoch),
      bans: new BanBook(sql),
      held: new HeldBook(sql),
      votes: new VoteBook(sql),
    };
  }

  #reopen(): void {
    try {
      this.#database.close();
    } catch {
      // It may be closed already; what counts is that the next one opens.
    }
    this.#database = openDatabase(this.#path);
    this.#books = this.#readBooks();
    this.#reopened();
  }
}

/** So many of what is held are looked at for a status: whoever fills a /64 is among the newest. */
const MOST_HELD_SEEN = 1000;

/** The same id gets the same verdict for so long: a day longer than any report is taken. */
const ID_SECONDS = OLDEST_SECONDS + 86_400;

const atAddress: Aim = (submission) => ({ targets: [banOf(submission).ip], isCrowded: false });
