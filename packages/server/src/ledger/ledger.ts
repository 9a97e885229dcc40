import type { BanKey, Details, Event, Position, Range, Target } from '@banshare/protocol';
import { StartFault } from '@banshare/runtime';
import type { HeldBook } from './tables/held-bans.ts';
import type { Selection } from './tables/bans.ts';
import { blockOf } from '../words/ipv6-block.ts';
import { LogFault, type Log, type LogPosition } from '../log/log.ts';
import type { Follower } from './changes.ts';
import { liftReported, liftSelected, liftWidened, newestImport, publishBans, sweep } from './deeds.ts';
import { LedgerFile } from './ledger-file.ts';
import { News } from './news.ts';
import type { Outcome, Piece } from './pieces.ts';
import { releaseHeld } from './release.ts';
import { recordOne, type Books } from './record.ts';
import { historyOf } from './tables/reports.ts';
import type { Row, Sql } from './tables/rows.ts';
import { positionOf, Replica, type ReplicaState } from './replica.ts';
import { asAskedNow } from './who-asks.ts';
import { planUndo, undoPart, waitingOf } from './undo.ts';
import { banOf, type Aim, type Decide, type Recorded, type Submission } from '../words/submission.ts';
import type { UndoPart, UndoPlan, UndoWaiting, UndoWhat, Undone } from '../words/undo.ts';
import type { History } from '../words/history.ts';

/** `note` is called with what was done, in the piece that does it: neither is stored without the other. */
export type Noted<T> = { note?: (done: T) => void };

/**
 * What the server keeps, in one file of SQLite. Whatever changes it is a piece of one queue, `write()`; what waits together is
 * committed together, here or, where several servers share it, in the log.
 */
export class Ledger {
  readonly #file: LedgerFile;
  readonly #shared: Replica | undefined;
  readonly #waiting: Piece[] = [];
  #isWriting = false;
  readonly #news = new News(() => this.#begin());
  #isClosed = false;
  #refusal: string | undefined;

  /** With a log it is a replica of what several servers share. @throws when the database cannot be used. */
  constructor(path: string, makeEpoch: () => string, log?: Log) {
    this.#file = new LedgerFile(path, makeEpoch, log !== undefined);
    this.#shared = log === undefined ? undefined : new Replica(this.#file, log);
    if (log === undefined && positionOf(this.#file).n > 0) {
      this.#file.close();
      throw new StartFault(
        `Cannot use the ledger "${path}" alone: it is a replica of what several servers share; set [ledger] log in server.toml, or restore a backup`,
      );
    }
    log?.onNews(() => this.#news.came());
  }

  /** Whether several servers share it, or it is just being moved there. */
  get isShared(): boolean {
    return this.#shared !== undefined || this.#refusal !== undefined;
  }

  /** How the replica of a shared log is; undefined where it is not shared. */
  replica(): ReplicaState | undefined {
    return this.#shared?.state();
  }

  /** Why no more is applied; undefined where it is, or it is not shared. */
  get stoppedBy(): LogFault | undefined {
    return this.#shared?.stopped;
  }

  /** Nothing is applied or written any more, from the start on, for a reason that a person has to see to. */
  shut(why: LogFault): void {
    this.#shared?.shut(why);
  }

  /** Whether it was shut: its server lets nobody in. */
  get isShut(): boolean {
    return this.#shared?.isShut === true;
  }

  /** Applies all that other servers have appended by now. @throws LogFault where the log cannot be read, or does not fit. */
  async catchUp(): Promise<void> {
    if (this.#shared !== undefined) await this.#news.applied();
  }

  /** Has somebody follow, behind those who do already, what is in memory of what is committed. */
  follow(follower: Follower): void {
    this.#file.follow(follower);
  }

  /** Gives a listener the events of each commit, once whoever wrote them knows. */
  onCommitted(publish: (events: readonly Event[]) => void): void {
    this.#file.onCommitted(publish);
  }

  /** For the other tables of the same file. What writes does it in a piece of `write()`. */
  get sql(): Sql {
    return this.#books.sql;
  }

  get #books(): Books {
    return this.#file.opened.books;
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

  /** Takes back a part of what began since a time: see undoPart(). */
  undo(what: UndoWhat, since: number, now: number, part: UndoPart & Noted<Undone> = {}): Promise<Undone> {
    return this.#noted((books) => undoPart(books, what, since, now, part), part);
  }

  /** What such a part would do. */
  planUndo(what: UndoWhat, since: number, now: number, part: UndoPart = {}): UndoPlan {
    return planUndo(this.#books, what, since, now, part);
  }

  /** What waits, and would go with the first part of an undo. */
  waitingOf(what: UndoWhat, since: number): UndoWaiting {
    return waitingOf(this.#books, what, since);
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

  /** The position of a seq; undefined when it is none or what follows it is no longer kept. */
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

  /** As of a moment ago, where there are many. */
  async countActive(now: number): Promise<number> {
    return this.#books.bans.countedActive(now);
  }

  /** The count at once, for use inside a transaction. */
  activeNow(now: number): number {
    return this.#books.bans.countActive(now);
  }

  countIpv6(now: number): number {
    return this.#books.bans.countIpv6(now);
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
  sweep(now: number, keepSeconds: number, limit: number, keepEvidence = keepSeconds): Promise<boolean> {
    return this.#write((books) => sweep(books, now, { keepSeconds, keepEvidence }, limit), { isSweep: true });
  }

  /** Lays a copy as of now at a path where nothing is yet, and returns which entry of a shared log it stands for: see LedgerFile. */
  async copyTo(path: string): Promise<LogPosition> {
    return this.#file.copyTo(path);
  }

  /**
   * Does one thing, wholly or not at all, and resolves once that is on disk. `work` may be called more than once, and then only the
   * last time counts: it looks at what it depends on each time that it is called, in the tables or in memory, which are as one then, and
   * changes nothing but tables. What it throws takes back what it did, and nothing of others. @throws when it is not known to be stored.
   */
  write<T>(work: (books: Books) => T): Promise<T> {
    return this.#write(work, {});
  }

  /** Resolves once nothing waits to be written or published. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0 || this.#file.unpublished > 0)
      await new Promise((resolve) => setImmediate(resolve));
  }

  /** Refuses to write from now on, and resolves once what waited is written. */
  async stopWriting(why: string): Promise<void> {
    this.#refusal = why;
    await this.idle();
  }

  goOnWriting(): void {
    this.#refusal = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#news.close(new Error('The ledger is closed'));
    for (const { reject } of this.#waiting.splice(0)) reject(new Error('The ledger is closed'));
    this.#file.close();
  }

  #noted<T>(work: (books: Books) => T, { note }: Noted<T>): Promise<T> {
    return this.write((books) => {
      const done = work(books);
      note?.(done);
      return done;
    });
  }

  #write<T>(work: (books: Books) => T, how: Pick<Piece, 'isSweep'>): Promise<T> {
    if (this.#refusal !== undefined)
      return Promise.reject(new Error(`The ledger is not written: ${this.#refusal}`));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ ...how, work: asAskedNow(work), resolve: (result) => resolve(result as T), reject });
    this.#begin();
    return promise;
  }

  #begin(): void {
    if (this.#isWriting || this.#isClosed) return;
    this.#isWriting = true;
    // All that one batch of messages asks for comes in the same turn, and no later one is waited for.
    queueMicrotask(() => {
      if (this.#shared === undefined) this.#drain();
      else void this.#drainShared(this.#shared);
    });
  }

  #drain(): void {
    this.#attempt(() => this.#settle(this.#file.commit(this.#waiting)));
    // Whoever waits for what was committed goes on before the next.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#drain());
    else this.#isWriting = false;
  }

  /** The log does one thing at a time: what comes from it and what goes there take turns. */
  async #drainShared(shared: Replica): Promise<void> {
    while (!this.#isClosed && (this.#waiting.length > 0 || this.#news.isThere)) {
      try {
        if (this.#file.isBehind) this.#file.reopen();
        if (this.#waiting.length > 0) await this.#news.awaited(shared.turnMs);
        if (this.#news.isThere) await this.#news.hear(() => shared.follow());
        if (this.#waiting.length > 0 && !this.#isClosed) this.#settle(await shared.commit(this.#waiting));
      } catch (error) {
        this.#failed(error as Error);
        if (!(error instanceof LogFault)) this.#news.later(this.#file.faultOf(error as Error));
      }
    }
    this.#isWriting = false;
  }

  #attempt(commit: () => void): void {
    try {
      if (this.#file.isBehind) this.#file.reopen();
      commit();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #settle(outcomes: readonly Outcome[]): void {
    this.#waiting.splice(0, outcomes.length);
    for (const outcome of outcomes) {
      if ('error' in outcome) outcome.piece.reject(this.#file.faultOf(outcome.error));
      else outcome.piece.resolve(outcome.result);
    }
  }

  /** Nothing is known of all that waited. */
  #failed(error: Error): void {
    const failed = this.#waiting.splice(0);
    if (!(error instanceof LogFault) && !this.#isClosed) this.#file.fails();
    for (const { reject } of failed) reject(this.#file.faultOf(error));
  }
}

/** So many of what is held are looked at for a status: whoever fills a /64 is among the newest. */
const MOST_HELD_SEEN = 1000;

const atAddress: Aim = (submission) => ({ targets: [banOf(submission).ip], isCrowded: false });
