import type { BanKey, Details, Event, Position, Range, Target } from '@banshare/protocol';
import { failpoint } from '@banshare/runtime';
import { BanBook, type Selection } from './bans.ts';
import { blockOf } from '../words/ipv6-block.ts';
import { type Changes, type Follower, Touched } from './changes.ts';
import { openDatabase, statements } from './database.ts';
import { liftReported, liftSelected, liftWidened, newestImport, publishBans, sweep } from './deeds.ts';
import { EventBook } from './events.ts';
import { HeldBook } from './held-bans.ts';
import { markOf, rewind, runPieces, type Opened, type Outcome, type Piece } from './pieces.ts';
import { releaseHeld } from './release.ts';
import { recordOne, type Books } from './record.ts';
import { historyOf } from './reports.ts';
import type { Row, Sql } from './rows.ts';
import { planUndo, undoPart } from './undo.ts';
import { VoteBook } from './votes.ts';
import { banOf, type Aim, type Decide, type Recorded, type Submission } from '../words/submission.ts';
import type { UndoPlan, UndoWhat, Undone } from '../words/undo.ts';
import type { History } from '../words/history.ts';

/** `note` is called with what was done, in the piece that does it: neither is stored without the other. */
export type Noted<T> = { note?: (done: T) => void };

/**
 * What the server keeps, in one file of SQLite. Whatever changes it is a piece of one queue, `write()`; what waits together is
 * committed together. Behind a commit come, in this order: what is held in memory, the pieces' promises, and what is published. A failed
 * commit leaves it unknown what was stored: an fsync that failed may have written all the same, so the file is opened again before
 * anything else is written, and all that is held in memory is read anew.
 */
export class Ledger {
  readonly #path: string;
  readonly #makeEpoch: () => string;
  readonly #followers: Follower[] = [];
  readonly #waiting: Piece[] = [];
  #opened: Opened;
  #isWriting = false;
  #publish: (events: readonly Event[]) => void = () => undefined;
  /** The head when memory last followed. */
  #followed: Position;
  /** A commit failed, and the file is not open again yet. */
  #isBehind = false;
  /** Commits whose events are not published yet. */
  #unpublished = 0;

  /** @throws when the database cannot be used. */
  constructor(path: string, makeEpoch: () => string) {
    this.#path = path;
    this.#makeEpoch = makeEpoch;
    this.#opened = this.#open();
    this.#followed = this.head();
  }

  /** Has somebody follow, behind those who do already, what is in memory of what is committed. */
  follow(follower: Follower): void {
    this.#followers.push(follower);
  }

  /** Gives a listener the events of each commit, once whoever wrote them knows. */
  onCommitted(publish: (events: readonly Event[]) => void): void {
    this.#publish = publish;
  }

  /** For the other tables of the same file. What writes does it in a piece of `write()`. */
  get sql(): Sql {
    return this.#books.sql;
  }

  get #books(): Books {
    return this.#opened.books;
  }

  /** The last event. */
  head(): Position {
    return this.#books.events.head();
  }

  /**
   * Judges and writes submissions as one piece; without an aim each is about its address alone. `refuses` is asked of each first: what
   * it says is the answer, and nothing is stored.
   */
  record(
    submissions: readonly Submission[],
    decide: Decide,
    aim: Aim = atAddress,
    {
      refuses = () => undefined,
      note,
    }: { refuses?: (submission: Submission) => Recorded | undefined } & Noted<Recorded[]> = {},
  ): Promise<Recorded[]> {
    return this.write((books) => {
      const recorded = submissions.map(
        (submission) => refuses(submission) ?? recordOne(books, submission, decide, aim),
      );
      note?.(recorded);
      return recorded;
    });
  }

  /** Publishes bans of prog operator: see publishBans(). */
  ban(
    drafts: readonly (BanKey & Details & { until: number | null })[],
    now: number,
    by: 'operator' | 'import',
    { number = null, ...how }: { number?: number | null } & Noted<Event[]> = {},
  ): Promise<Event[]> {
    return this.#noted((books) => publishBans(books, drafts, now, by, number), how);
  }

  /** Lifts what an operator selects: see liftSelected(). */
  lift(
    selection: Selection,
    now: number,
    { note, ...how }: { everyJail?: true; unknown?: BanKey } & Noted<Event[]> = {},
  ): Promise<Event[]> {
    return this.#noted(
      (books) => liftSelected(books, selection, now, how),
      note === undefined ? {} : { note },
    );
  }

  /** Lifts what hosts reported within a range: see liftReported(). */
  liftReported(range: Range, since: number, now: number, limit: number): Promise<Event[]> {
    return this.write((books) => liftReported(books, range, since, now, limit));
  }

  /** Lifts the addresses whose reports became the ban of a range: see liftWidened(). */
  liftWidened(selection: Selection, now: number, limit: number): Promise<Event[]> {
    return this.write((books) => liftWidened(books, selection, now, limit));
  }

  /**
   * Takes back what began since a time, at most so many bans at once: of hosts their support and votes, what nobody else supports is
   * lifted; what is held of it is dropped.
   */
  undo(
    what: UndoWhat,
    since: number,
    now: number,
    { limit = Infinity, ...how }: { limit?: number } & Noted<Undone> = {},
  ): Promise<Undone & { isDone: boolean }> {
    return this.#noted((books) => undoPart(books, what, since, now, limit), how);
  }

  /** What an undo would do. */
  async planUndo(what: UndoWhat, since: number, now: number): Promise<UndoPlan> {
    return planUndo(this.#books, what, since, now);
  }

  /** The number of the newest import; 0 where there was none. */
  newestImport(): number {
    return newestImport(this.#books);
  }

  /** Publishes what is held, less what is over, was lifted or is protected meanwhile; what `waits` stays held. */
  release(
    now: number,
    isProtected: (ip: Target) => boolean,
    { limit, waits, ...how }: { limit?: number; waits?: (ip: Target) => boolean } & Noted<Event[]> = {},
  ): Promise<Event[]> {
    return this.#noted(
      (books) =>
        releaseHeld(books, now, isProtected, {
          ...(limit === undefined ? {} : { limit }),
          ...(waits === undefined ? {} : { waits }),
        }),
      how,
    );
  }

  /** Forgets what is held; returns how many. */
  dropHeld(how: Noted<number> = {}): Promise<number> {
    return this.#noted(({ held }) => held.dropAll(), how);
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

  /** How many are held of exactly these. */
  countHeldOf(ips: readonly Target[]): number {
    return this.#books.held.countOfEach(ips);
  }

  /** Whether anything is held of exactly that address. */
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

  /** Removes a part of what is no longer needed, and returns whether there may be more: see sweep(). */
  sweep(now: number, keepSeconds: number, limit: number): Promise<boolean> {
    return this.write((books) => sweep(books, now, keepSeconds, limit));
  }

  /** Writes a copy of the whole database to a path where nothing is yet; meanwhile nothing else is written. */
  copyTo(path: string): void {
    this.sql('VACUUM INTO ?').run(path);
  }

  /**
   * Does one thing, wholly or not at all, and resolves once that is on disk. `work` may be called more than once, and then only the
   * last time counts: it looks at what it depends on each time that it is called, in the tables or in memory, which are as one then, and
   * changes nothing but tables. What it throws takes back what it did, and nothing of others. @throws when it is not known to be stored.
   */
  write<T>(work: (books: Books) => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ work, resolve: (result) => resolve(result as T), reject });
    if (!this.#isWriting) {
      this.#isWriting = true;
      // All that one batch of messages asks for comes in the same turn, and no later one is waited for.
      queueMicrotask(() => this.#drain());
    }
    return promise;
  }

  /** Resolves once nothing waits to be written or published. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#unpublished > 0)
      await new Promise((resolve) => setImmediate(resolve));
  }

  close(): void {
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('The ledger is closed'));
    this.#opened.database.close();
  }

  #noted<T>(work: (books: Books) => T, { note }: Noted<T>): Promise<T> {
    return this.write((books) => {
      const done = work(books);
      note?.(done);
      return done;
    });
  }

  #drain(): void {
    this.#commit();
    // Whoever waits for what was committed goes on before the next.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#drain());
    else this.#isWriting = false;
  }

  /** Commits what waits, or as much of it as may be together; where that fails, nothing is known of any of it. */
  #commit(): void {
    try {
      if (this.#isBehind) this.#reopen();
      const outcomes = this.#transact();
      this.#waiting.splice(0, outcomes.length);
      for (const outcome of outcomes) {
        if ('error' in outcome) outcome.piece.reject(this.#faultOf(outcome.error));
        else outcome.piece.resolve(outcome.result);
      }
    } catch (error) {
      const failed = this.#waiting.splice(0);
      this.#isBehind = true;
      try {
        this.#reopen();
      } catch {
        // Whoever writes next finds out whether it opens by then.
      }
      for (const { reject } of failed) reject(this.#faultOf(error as Error));
    }
  }

  #transact(): Outcome[] {
    for (const { begins } of this.#followers) begins?.();
    const { database, books, touched } = this.#opened;
    const mark = markOf(books);
    database.exec('BEGIN IMMEDIATE');
    const outcomes = runPieces(this.#opened, this.#waiting);
    if (outcomes.every((outcome) => 'error' in outcome)) {
      database.exec('ROLLBACK');
      rewind(this.#opened, mark);
      return outcomes;
    }
    failpoint('before-commit');
    database.exec('COMMIT');
    failpoint('after-commit');
    this.#applied({ ...touched.take(), isAll: false, isForeign: false, events: books.events.takeFresh() });
    return outcomes;
  }

  /** What is committed is followed in memory at once, and published when whoever wrote it has been told. */
  #applied(changes: Changes): void {
    for (const follower of this.#followers) follower.applied(changes);
    this.#followed = this.head();
    if (changes.events.length === 0) return;
    this.#unpublished += 1;
    setImmediate(() => {
      this.#unpublished -= 1;
      this.#publish(changes.events);
    });
  }

  #faultOf(cause: Error): Error {
    return new Error(`Cannot write the ledger "${this.#path}": ${cause.message}`, { cause });
  }

  /** What a commit that failed stored all the same is followed and published now. @throws when the file does not open. */
  #reopen(): void {
    try {
      this.#opened.database.close();
    } catch {
      // It may be closed already; what counts is that the next one opens.
    }
    this.#opened = this.#open();
    const { books, touched } = this.#opened;
    const events = books.events.since(this.#followed.seq, -1);
    this.#applied({ ...touched.take(), isAll: true, isForeign: false, events });
    this.#isBehind = false;
  }

  #open(): Opened {
    const database = openDatabase(this.#path);
    const sql = statements(database) as Sql;
    const books = {
      sql,
      events: new EventBook(sql, this.#makeEpoch),
      bans: new BanBook(sql),
      held: new HeldBook(sql),
      votes: new VoteBook(sql),
    };
    return { database, books, touched: new Touched(database) };
  }
}

/** So many of what is held are looked at for a status: whoever fills a /64 is among the newest. */
const MOST_HELD_SEEN = 1000;

const atAddress: Aim = (submission) => ({ targets: [banOf(submission).ip], isCrowded: false });
