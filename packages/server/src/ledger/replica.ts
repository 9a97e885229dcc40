import type { Event } from '@banshare/protocol';
import { monotonicSeconds } from '@banshare/runtime';
import {
  lacking,
  LogFault,
  MOST_READ_BYTES,
  newerEntry,
  type Appended,
  type Entry,
  type Log,
  type LogPosition,
} from '../log/log.ts';
import type { Database } from './database.ts';
import { wayOn } from '../log/way-on.ts';
import type { LedgerFile } from './ledger-file.ts';
import { markOf, rewind, type Opened, type Outcome, type Piece } from './pieces.ts';
import { NUMBERED_SINCE } from './tables/happenings.ts';
import type { Row } from './tables/rows.ts';
import { SCHEMA } from './schema.ts';

/** Entries read at once: memory has to hold them. */
const MOST_READ = 200;

/** Nobody waits longer for others that have nothing to write. */
const MOST_TURN_SECONDS = 0.1;
/** Others that wrote longer ago do not write at the same time: what a host tells each minute has nobody wait. */
const AT_ONCE_SECONDS = 0.25;

/**
 * Which entry of the shared log was applied last, and why no more are: isShut where that was so from the start, isOutdated where it takes a
 * newer program, aheadBy where the log lacks entries of this replica.
 */
export type ReplicaState = {
  applied: number;
  stopped: string | null;
  isShut: boolean;
  isOutdated: boolean;
  aheadBy: number | null;
};

/** The entry that an open file has applied last, and the statement that says so. */
type Kept = { opened: Opened; put: ReturnType<Database['prepare']>; position: LogPosition };

/** What a run of pieces changes, and what the books said at its end. */
type Judged = {
  outcomes: Outcome[];
  changeset: Uint8Array;
  end: ReturnType<typeof markOf>;
  events: ReturnType<LedgerFile['opened']['books']['events']['takeFresh']>;
  touched: ReturnType<Opened['touched']['take']>;
};

const NOT_OF_IT =
  "This server's ledger is none of those that share the log: move its file away, and it starts from the newest snapshot there";

/**
 * Writes the ledger by the log that several servers share. Pieces are judged in a transaction that stays open; what it changes is appended to
 * the log, which takes it only behind the entry that this replica applied last; and only then it is committed here. Until then everybody
 * reads over another connection, which sees what is committed. Where another server was first it is taken back, that one's entries are
 * applied, and the pieces are judged again. One of commit() and follow() runs at a time: the caller sees to that.
 */
export class Replica {
  readonly #file: LedgerFile;
  readonly #log: Log;
  #stopped: LogFault | undefined;
  #isShut = false;
  #applied = 0;
  /** What is prepared for the file as it is open. */
  #kept: Kept | undefined;
  /** When another server last wrote, or wanted to, monotonic seconds. */
  #othersAt = -Infinity;
  /** Until when the others have their turn, monotonic seconds. */
  #theirsUntil = 0;

  constructor(file: LedgerFile, log: Log) {
    this.#file = file;
    this.#log = log;
    log.onWanted(() => (this.#othersAt = monotonicSeconds()));
  }

  /** Why this replica applies nothing more; undefined where it does. */
  get stopped(): LogFault | undefined {
    return this.#stopped;
  }

  state(): ReplicaState {
    const stopped = this.#stopped;
    return {
      applied: this.applied,
      stopped: stopped?.message ?? null,
      isShut: this.#isShut,
      isOutdated: stopped?.code === 'newer',
      aheadBy: stopped?.aheadBy ?? null,
    };
  }

  get isShut(): boolean {
    return this.#isShut;
  }

  /** Stops from the start on. */
  shut(why: LogFault): void {
    this.#stop(why);
    this.#isShut = true;
  }

  /** The entry that was applied last. */
  get position(): LogPosition {
    const { position } = this.#keep();
    this.#applied = position.n;
    return position;
  }

  /** The number of the entry that was applied last; while the file cannot be read, as far as is known. */
  get applied(): number {
    try {
      return this.position.n;
    } catch {
      return this.#applied;
    }
  }

  /**
   * For how many milliseconds others shall have their turn. Servers that judge at once judge in vain, all but one; so whoever has written
   * leaves the next entry to the others while they write too, and what comes meanwhile is committed together.
   */
  get turnMs(): number {
    return Math.max(0, (this.#theirsUntil - monotonicSeconds()) * 1000);
  }

  /** Commits as much of what waits as may be together. @throws LogFault, or what the file fails with: then it is not known whether it is stored. */
  async commit(waiting: readonly Piece[]): Promise<Outcome[]> {
    for (;;) {
      if (this.#stopped !== undefined) throw this.#stopped;
      const began = monotonicSeconds();
      const judged = this.#judge(waiting);
      if (judged.changeset.length === 0) return judged.outcomes;
      const { position } = this;
      const appended = await this.#append(judged, position);
      if (appended.outcome === 'ours') {
        this.#commit(judged, appended.position);
        this.#leaveTurn(monotonicSeconds() - began);
        return judged.outcomes;
      }
      if (appended.outcome === 'forked') {
        throw this.#stop(lacking(position.n, appended.aheadBy));
      }
      await this.follow();
    }
  }

  /** Appends what was judged, whose transaction stays open where it is in the log and is taken back where it is not. @throws LogFault */
  async #append(judged: Judged, position: LogPosition): Promise<Appended> {
    const draft = { schema: SCHEMA, kind: kindOf(judged), data: judged.changeset } as const;
    let isOurs = false;
    try {
      const appended = await this.#log.append(draft, position);
      isOurs = appended.outcome === 'ours';
      return appended;
    } finally {
      if (!isOurs) this.#file.settle('ROLLBACK');
    }
  }

  /** Commits what is in the log by now. @throws what the file fails with: it is read as another server's entry then. */
  #commit({ end, events, touched }: Judged, position: LogPosition): void {
    const { books } = this.#file.opened;
    const kept = this.#keep();
    kept.put.run(position.n, position.token);
    this.#file.settle('COMMIT');
    kept.position = position;
    books.events.advance(end.head);
    books.held.rewind(end.held);
    this.#file.applied({ ...touched, isAll: false, isForeign: false, events });
  }

  /** Applies what other servers appended. @throws LogFault where the log cannot be read, or this replica stops. */
  async follow(): Promise<void> {
    for (;;) {
      if (this.#stopped !== undefined) throw this.#stopped;
      let entries: Entry[];
      try {
        entries = await this.#log.after(this.position, MOST_READ);
      } catch (error) {
        throw error instanceof LogFault && wayOn(error) !== 'wait' ? this.#stop(error) : error;
      }
      // Whoever has applied none begins a log: on another ledger the entries would fit, and mean something else.
      if (entries.length > 0 && this.position.n === 0) throw this.#stop(new LogFault('forked', NOT_OF_IT));
      for (const entry of entries) this.#take(entry);
      if (entries.length < MOST_READ && sizeOf(entries) < MOST_READ_BYTES) return;
    }
  }

  #leaveTurn(tookSeconds: number): void {
    this.#theirsUntil = monotonicSeconds() + turnSeconds(monotonicSeconds() - this.#othersAt, tookSeconds);
    this.#othersAt = -Infinity;
  }

  #take(entry: Entry): void {
    this.#othersAt = monotonicSeconds();
    if (entry.schema > SCHEMA) throw this.#stop(newerEntry(entry, SCHEMA));
    const { books } = this.#file.opened;
    const before = books.events.head();
    this.#apply(entry, (tables) => {
      books.events.reread();
      if (tables.has('held')) books.held.rewind(undefined);
      return books.events.since(before.seq, -1);
    });
  }

  /** Runs the pieces in a transaction that stays open where they changed something; the books say what they said before. @throws when the file fails */
  #judge(waiting: readonly Piece[]): Judged {
    const { opened } = this.#file;
    const { database, books, touched } = opened;
    const mark = markOf(books);
    database.exec('BEGIN IMMEDIATE');
    const session = database.createSession();
    let isOpen = false;
    try {
      const outcomes = this.#file.run(waiting);
      const [end, events] = [markOf(books), books.events.takeFresh()];
      // What is alone has no savepoint: where it throws, all of this is taken back.
      const isFailed = outcomes.every((outcome) => 'error' in outcome);
      const isSweep = outcomes.every(({ piece }) => piece.isSweep === true);
      const changeset = isFailed ? new Uint8Array() : isSweep ? session.patchset() : session.changeset();
      isOpen = changeset.length > 0;
      return { outcomes, changeset, end, events, touched: touched.take() };
    } finally {
      session.close();
      rewind(opened, mark);
      if (isOpen) this.#file.leaveOpen();
      // A file that failed may have taken it back by itself; what it failed with is what is told.
      else if (database.isTransaction) database.exec('ROLLBACK');
    }
  }

  #apply(
    { data, n, token, schema }: Entry,
    followed: (tables: ReadonlySet<string>) => readonly Event[],
  ): void {
    const { database, touched } = this.#file.opened;
    const tables = new Set<string>();
    if (schema < NUMBERED_SINCE) this.#file.numberOlder();
    database.exec('BEGIN IMMEDIATE');
    // A step of the schema that these tables have already changes nothing.
    const fits =
      data.length === 0 ||
      database.applyChangeset(data, {
        filter: (table) => {
          tables.add(table);
          return true;
        },
      });
    if (!fits) {
      database.exec('ROLLBACK');
      touched.clear();
      const text = `Cannot apply entry ${n} of the log: this server's ledger is not what the others have`;
      throw this.#stop(new LogFault('conflict', text, { n }));
    }
    const kept = this.#keep();
    kept.put.run(n, token);
    database.exec('COMMIT');
    kept.position = { n, token };
    this.#file.applied({ events: followed(tables), ...touched.take(), isAll: false, isForeign: true });
  }

  /** A file that was opened again may be at another entry. */
  #keep(): Kept {
    const { opened } = this.#file;
    if (this.#kept?.opened !== opened) {
      const put = opened.database.prepare('UPDATE applied SET n = ?, token = ?');
      this.#kept = { opened, put, position: positionOf(this.#file) };
    }
    return this.#kept;
  }

  #stop(fault: LogFault): LogFault {
    this.#stopped ??= fault;
    return fault;
  }
}

/**
 * For how long at most whoever has just written leaves the next entry to others, where they wrote just before: they have to hear of this one, and
 * apply it, before theirs, on a machine that may be busier. Their entry ends it, so that all of it passes once only, when they have ended.
 */
export function turnSeconds(othersAgoSeconds: number, tookSeconds: number): number {
  return othersAgoSeconds < AT_ONCE_SECONDS ? Math.min(MOST_TURN_SECONDS, 5 * tookSeconds) : 0;
}

/** The entry that a ledger has applied last. */
export function positionOf({ opened }: LedgerFile): LogPosition {
  const row = opened.database.prepare('SELECT n, token FROM applied').get() as Row;
  return { n: Number(row['n']), token: String(row['token']) };
}

/** Bytes, and for each entry what compressing it may have added: where it is less, there was no more to be read. */
function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { data }) => sum + data.byteLength * 1.001 + 64, 0);
}

function kindOf({ outcomes }: Judged): 'changeset' | 'patchset' {
  return outcomes.every(({ piece }) => piece.isSweep === true) ? 'patchset' : 'changeset';
}
