import { rm } from 'node:fs/promises';
import type { Event, Position } from '@banshare/protocol';
import { failpoint } from '@banshare/runtime';
import { BanBook } from './tables/bans.ts';
import { Touched, type Changes, type Follower } from './changes.ts';
import { moveAgain, openDatabase, openToRead, standStill, statements, withoutSync } from './database.ts';
import { EventBook } from './tables/events.ts';
import { NUMBERING } from './tables/happenings.ts';
import { Original } from './original.ts';
import { HeldBook } from './tables/held-bans.ts';
import { markOf, rewind, runPieces, type Opened, type Outcome, type Piece } from './pieces.ts';
import type { Row, Sql } from './tables/rows.ts';
import { LogFault, type LogPosition } from '../log/log.ts';
import { VoteBook } from './tables/votes.ts';

/**
 * The ledger's file while it is open, and whoever follows it. Behind a commit come, in this order: what is held in memory, whoever
 * wrote, and what is published. A failed commit leaves it unknown what was stored: an fsync that failed may have written all the same,
 * so the file is opened again before anything else is written, and all that is held in memory is read anew.
 */
export class LedgerFile {
  readonly #path: string;
  readonly #original: Original;
  readonly #makeEpoch: () => string;
  readonly #isShared: boolean;
  readonly #followers: Follower[] = [];
  #opened: Opened;
  /** The file as it was open when NUMBERING was made. */
  #numbers: Opened | undefined;
  /** Pieces run; what is written outside of them would be at this server alone. */
  #isRunning = true;
  /** What pieces wrote is not committed yet: all but pieces read what was there before. */
  #isPending = false;
  /** Who waits until nothing is pending. */
  readonly #afterwards: (() => void)[] = [];
  #publish: (events: readonly Event[]) => void = () => undefined;
  /** The head when memory last followed. */
  #followed: Position;
  #isBehind = false;
  #unpublished = 0;
  /** The copy that is made now. */
  #copying: Promise<void> = Promise.resolve();
  /** Closing writes into the file. */
  #closings = 0;

  /** @throws when the database cannot be used. */
  constructor(path: string, makeEpoch: () => string, isShared: boolean) {
    this.#path = path;
    this.#original = new Original(path);
    this.#makeEpoch = makeEpoch;
    this.#isShared = isShared;
    this.#opened = this.#open();
    this.#followed = this.#opened.books.events.head();
  }

  get opened(): Opened {
    return this.#opened;
  }

  /** A commit failed, and the file is not open again yet. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Commits whose events are not published yet. */
  get unpublished(): number {
    return this.#unpublished;
  }

  follow(follower: Follower): void {
    this.#followers.push(follower);
  }

  onCommitted(publish: (events: readonly Event[]) => void): void {
    this.#publish = publish;
  }

  /** Runs pieces in the transaction that is open. @throws when the file fails */
  run(waiting: readonly Piece[]): Outcome[] {
    for (const { begins } of this.#followers) begins?.();
    this.#isRunning = true;
    try {
      return runPieces(this.#opened, waiting);
    } finally {
      this.#isRunning = !this.#isShared;
    }
  }

  /** Has what comes without a number be numbered from now on. */
  numberOlder(): void {
    if (this.#numbers === this.#opened) return;
    this.#opened.database.exec(NUMBERING);
    this.#numbers = this.#opened;
  }

  /** Leaves the transaction that pieces ran in open, until settle(): meanwhile all is read as it was before. */
  leaveOpen(): void {
    this.#isPending = true;
  }

  /** Commits what was left open, or takes it back. @throws what the file fails with */
  settle(how: 'COMMIT' | 'ROLLBACK'): void {
    const { database } = this.#opened;
    // It was closed meanwhile.
    if (!this.#isPending) return;
    try {
      // A file that failed may have taken it back by itself.
      if (how === 'COMMIT' || database.isTransaction) database.exec(how);
    } finally {
      this.#isPending = false;
      for (const go of this.#afterwards.splice(0)) go();
    }
  }

  /** Commits as much of what waits as may be together. @throws when the file fails: then nothing is known of any of it. */
  commit(waiting: readonly Piece[]): Outcome[] {
    const { database, books, touched } = this.#opened;
    const mark = markOf(books);
    database.exec('BEGIN IMMEDIATE');
    const outcomes = this.run(waiting);
    if (outcomes.every((outcome) => 'error' in outcome)) {
      database.exec('ROLLBACK');
      rewind(this.#opened, mark);
      return outcomes;
    }
    failpoint('before-commit');
    database.exec('COMMIT');
    failpoint('after-commit');
    this.applied({ ...touched.take(), isAll: false, isForeign: false, events: books.events.takeFresh() });
    return outcomes;
  }

  /** What is committed is followed in memory at once, and published when whoever wrote it has been told. */
  applied(changes: Changes): void {
    for (const follower of this.#followers) follower.applied(changes);
    this.#followed = this.#opened.books.events.head();
    if (changes.events.length === 0) return;
    this.#unpublished += 1;
    setImmediate(() => {
      this.#unpublished -= 1;
      this.#publish(changes.events);
    });
  }

  /** The file failed: it is opened again now, or else before the next write. */
  fails(): void {
    this.#isBehind = true;
    try {
      this.reopen();
    } catch {
      // Whoever writes next finds out whether it opens by then.
    }
  }

  /** What a commit that failed stored all the same is followed and published now. @throws when the file does not open. */
  reopen(): void {
    this.#close();
    this.#opened = this.#open();
    const { books, touched } = this.#opened;
    const events = books.events.since(this.#followed.seq, -1);
    this.applied({ ...touched.take(), isAll: true, isForeign: false, events });
    this.#isBehind = false;
  }

  /**
   * Lays a copy of the file as it is now at a path where nothing is yet. What is committed while it is made stays in the log that SQLite has
   * beside the file, so that the file itself stands still, and nobody waits. (SQLite's own backup begins anew with each piece that is
   * taken back, and never ends under load; VACUUM INTO has everybody wait.) @throws when it cannot be written, or the file was closed meanwhile.
   */
  async copyTo(path: string): Promise<LogPosition> {
    const before = this.#copying;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#copying = promise;
    await before;
    try {
      return await this.#copy(path);
    } finally {
      resolve();
    }
  }

  async #copy(path: string): Promise<LogPosition> {
    while (this.#isPending) await this.#settled();
    const { database } = this.#opened;
    standStill(database);
    const { n, token } = database.prepare('SELECT n, token FROM applied').get() as Row;
    const closings = this.#closings;
    try {
      await this.#original.copyTo(path, () => closings === this.#closings);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(path, { force: true });
      throw error;
    } finally {
      if (closings === this.#closings) moveAgain(database);
    }
    if (closings === this.#closings) return { n: Number(n), token: String(token) };
    await rm(path, { force: true });
    throw new Error(`the ledger "${this.#path}" was closed while it was copied; try again`);
  }

  #settled(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#afterwards.push(resolve);
    return promise;
  }

  faultOf(cause: Error): Error {
    const what = cause instanceof LogFault ? 'in the log that several servers share' : `"${this.#path}"`;
    return new Error(`Cannot write the ledger ${what}: ${cause.message}`, { cause });
  }

  /** Closes it for good. */
  close(): void {
    this.#close();
    this.#original.end();
  }

  #close(): void {
    this.#closings += 1;
    this.#isPending = false;
    for (const go of this.#afterwards.splice(0)) go();
    for (const database of [this.#opened.reading, this.#opened.database]) {
      try {
        database?.close();
      } catch {
        // It may be closed already.
      }
    }
  }

  #open(): Opened {
    const database = openDatabase(this.#path, { isReplica: this.#isShared });
    // What several servers share is on disk elsewhere: what a loss of power takes from here comes from there again.
    if (this.#isShared) withoutSync(database);
    const reading = this.#isShared ? openToRead(this.#path) : undefined;
    const sql =
      reading === undefined ? statements(database) : this.#guarded(statements(database), statements(reading));
    this.#isRunning = true;
    const books = {
      sql,
      events: new EventBook(sql, this.#makeEpoch),
      bans: new BanBook(sql),
      held: new HeldBook(sql),
      votes: new VoteBook(sql),
    };
    this.#isRunning = !this.#isShared;
    return { database, reading, books, touched: new Touched(database) };
  }

  /** Pieces read what they wrote, all others what is committed; and only pieces write. */
  #guarded(sql: Sql, committed: Sql): Sql {
    const read: Sql = (text) => (this.#isPending && !this.#isRunning ? committed(text) : sql(text));
    return (text) => ({
      get: (...values) => read(text).get(...values),
      all: (...values) => read(text).all(...values),
      run: (...values) => {
        if (!this.#isRunning) throw new Error(`outside of the ledger's queue: ${text}`);
        return sql(text).run(...values);
      },
    });
  }
}
