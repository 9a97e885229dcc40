import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicSeconds } from '@banshare/runtime';
import { findPrimary, isRefusal, nameOf, wayOut, type DatabaseAccess, type Line } from './line.ts';
import {
  LogFault,
  MOST_READ_BYTES,
  type Appended,
  type Draft,
  type Durability,
  type Entry,
  type Log,
  type LogHealth,
  type LogPosition,
  type SnapshotHead,
} from './log.ts';
import { isSame, noStandby, passBarrier, tryCommit, untilReplicated } from './barrier.ts';
import { proveRows } from './prove-rows.ts';
import { NONCE_BYTES, seal, type SealedEntry } from './seal.ts';
import { getSnapshot, putSnapshot } from './snapshots.ts';
import { APPEND, CLEAR, CREATE, IS_CREATED, LOOK, PULSE, READ, STILL, WANTED } from './statements.ts';

/** Where the log is, and the secret that proves its entries. */
export type PostgresLogOptions = DatabaseAccess & {
  readonly durability: Durability;
  readonly secret: Buffer;
};

/** So long is an entry tried to be stored, and its outcome looked for; its reporter waits no longer anyway. */
const APPEND_SECONDS = 3;
/** An entry that comes while no database is known waits so long for one. */
const LINE_MS = 500;
const PULSE_MS = 1000;
const AGAIN_MS = 250;

/**
 * The log in a table of PostgreSQL. One connection does everything, so that all of it is true of one database: a frozen primary that
 * thaws beside its successor may answer reads for a while. It is found again by itself wherever it goes.
 */
export class PostgresLog implements Log {
  readonly #options: PostgresLogOptions;
  readonly #closing = new AbortController();
  readonly #listeners: (() => void)[] = [];
  readonly #wanting: (() => void)[] = [];
  #line: Line | undefined;
  #awaited = Promise.withResolvers<Line>();
  /** A machine of the list let this server not in, as for its password: waiting does not mend that. */
  readonly #turnedAway = Promise.withResolvers<undefined>();
  #fault: LogFault | undefined = new LogFault(
    'away',
    'Cannot write the log yet: its database was not reached so far',
  );
  #since: number | undefined = monotonicSeconds();
  #last = 0;
  #snapshot = { n: 0, ageSeconds: 0 };
  /** The index in the list of the machine that was found last. */
  #first = 0;
  /** The database's clock less this machine's monotonic one, seconds. */
  #clock: number | undefined;
  readonly #kept: Promise<void>;

  /** Looks for the database at once, and again whenever it is lost. */
  constructor(options: PostgresLogOptions) {
    this.#options = options;
    this.#kept = this.#keep();
  }

  async append(draft: Draft, after: LogPosition): Promise<Appended> {
    const entry = seal(this.#options.secret, draft, after, randomBytes(NONCE_BYTES));
    const until = monotonicSeconds() + APPEND_SECONDS;
    for (let isSent = false; ; isSent = true) {
      const line = await this.#wait(until).catch((error: unknown) => {
        throw isSent ? unknownOutcome(entry.n, error) : error;
      });
      try {
        const outcome = await this.#tryAppend(line, entry, after, until);
        if (outcome !== undefined) return outcome;
        if (monotonicSeconds() >= until) throw away(new Error('its place is free, and it is not taken'));
      } catch (error) {
        // An earlier try may be stored, whatever this one says.
        if (isSent && (error instanceof LogFault || isRefusal(error))) throw unknownOutcome(entry.n, error);
        if (error instanceof LogFault) throw error;
        if (isRefusal(error)) throw refusal(error);
        // Whatever it was, another connection has to tell what became of it.
        line.close(error as Error);
        this.#lose(line, error);
        if (monotonicSeconds() >= until) throw unknownOutcome(entry.n, error);
      }
    }
  }

  async after(position: LogPosition, limit: number): Promise<Entry[]> {
    const line = await this.#wait(0);
    try {
      const most = position.n === 0 ? limit : limit + 1;
      const rows = await line.ask(READ, [position.n, most, MOST_READ_BYTES]);
      const isLacking = rows.length === 0 && position.n > 0;
      const [there] = isLacking ? await line.ask(LOOK, [position.n]) : [];
      const entries = proveRows(this.#options.secret, rows, position, Number(there?.['last'] ?? 0));
      this.#last = Math.max(this.#last, entries.at(-1)?.n ?? 0);
      return entries;
    } catch (error) {
      if (error instanceof LogFault) throw error;
      if (isRefusal(error)) throw refusal(error);
      line.close(error as Error);
      this.#lose(line, error);
      throw away(error);
    }
  }

  onNews(listen: () => void): void {
    this.#listeners.push(listen);
  }

  onWanted(listen: () => void): void {
    this.#wanting.push(listen);
  }

  /** Resolves once the database is found. @throws LogFault, why it is not within so many milliseconds, at once where it lets this server not in */
  async found(ms: number): Promise<void> {
    const stop = new AbortController();
    const late = pause(ms, undefined, { signal: stop.signal }).then(
      () => undefined,
      () => undefined,
    );
    const line = await Promise.race([this.#awaited.promise, this.#turnedAway.promise, late]);
    stop.abort();
    if (line === undefined) throw this.#fault ?? away(new Error('it was lost'));
  }

  /** Removes everything that is in the log. @throws LogFault */
  async clear(): Promise<void> {
    await this.#aside((line) => line.run(CLEAR));
    this.#last = 0;
  }

  health(): LogHealth {
    return {
      at: this.#line === undefined ? undefined : nameOf(this.#line.at),
      fault: this.#fault,
      since: this.#since,
      durability: this.#options.durability,
      last: this.#last,
      snapshot: this.#snapshot,
    };
  }

  async putSnapshot(head: SnapshotHead, path: string): Promise<boolean> {
    return this.#aside((line) => putSnapshot(line, this.#options.secret, head, path));
  }

  async getSnapshot(path: string): Promise<SnapshotHead | undefined> {
    return this.#aside((line) => getSnapshot(line, this.#options.secret, path));
  }

  async tryWriting(): Promise<void> {
    const line = await this.#wait(0);
    if (this.#fault !== undefined) throw this.#fault;
    try {
      await tryCommit(line, this.#options.durability);
    } catch (error) {
      throw error instanceof LogFault ? error : isRefusal(error) ? refusal(error) : away(error);
    }
  }

  time(): number | undefined {
    return this.#clock === undefined ? undefined : this.#clock + monotonicSeconds();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#line?.close();
    await this.#kept;
  }

  /** Works over a connection of its own, so that entries need not wait for what is long. @throws LogFault, and what the work throws */
  async #aside<T>(work: (line: Line) => Promise<T>): Promise<T> {
    await this.#wait(0);
    const line = await findPrimary(this.#options, this.#first);
    try {
      return await work(line);
    } catch (error) {
      if (error instanceof LogFault || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
      throw isRefusal(error) ? refusal(error) : away(error);
    } finally {
      line.close();
    }
  }

  /** Undefined where nothing was there when it was looked for, so that it has to be tried again. */
  async #tryAppend(
    line: Line,
    entry: SealedEntry,
    after: LogPosition,
    until: number,
  ): Promise<Appended | undefined> {
    const { warnings } = line;
    const needsStandby = this.#options.durability === 'standby';
    // Both at once: what is asked second is read by the database after the commit of the first.
    const asked = [line.ask(APPEND, appendValues(entry, after, needsStandby)), line.ask(STILL)] as const;
    const [[put], [still]] = await Promise.all(asked);
    if (needsStandby && put?.['names'] === '') {
      const fault = noStandby(line);
      this.#note(fault);
      throw fault;
    }
    if (put?.['stored'] === true) {
      const isClean = line.warnings === warnings && (!needsStandby || isSame(put, still));
      if (!isClean) await this.#passBarrier(line, entry.n, until);
      return this.#ours(entry);
    }
    const [there] = await line.ask(LOOK, [entry.n]);
    const seen = outcomeAt(there ?? {}, entry, after);
    if (seen !== 'ours') return seen;
    await this.#passBarrier(line, entry.n, until);
    return this.#ours(entry);
  }

  #ours({ n, token }: SealedEntry): Appended {
    this.#last = Math.max(this.#last, n);
    return { outcome: 'ours', position: { n, token } };
  }

  /**
   * Waits until a commit after the one in doubt was acknowledged by the standby: then that one is there too. Needed where the wait was
   * cancelled or let go, and where an entry is found after a crash. @throws LogFault `unknown`
   */
  async #passBarrier(line: Line, n: number, until: number): Promise<void> {
    if (this.#options.durability !== 'standby') return;
    for (;;) {
      const passed = await passBarrier(line);
      if (passed === 'passed') return;
      if (passed === 'no-standby') {
        this.#note(noStandby(line));
        throw unknownOutcome(n, new Error('it is on one machine only'));
      }
      if (monotonicSeconds() >= until)
        throw unknownOutcome(n, new Error('no standby has said that it has it'));
    }
  }

  /** The connection, if need be the next one. @throws LogFault `away`, or why there is none */
  async #wait(until: number): Promise<Line> {
    if (this.#line !== undefined) return this.#line;
    const isLong = this.#since !== undefined && monotonicSeconds() - this.#since > LINE_MS / 1000;
    const ms = isLong ? 0 : Math.min(LINE_MS, (until - monotonicSeconds()) * 1000);
    const stop = new AbortController();
    const late = pause(Math.max(0, ms), undefined, { signal: stop.signal }).then(
      () => undefined,
      () => undefined,
    );
    const line = await Promise.race([this.#awaited.promise, late]);
    stop.abort();
    if (line !== undefined) return line;
    throw this.#fault ?? away(new Error('it was lost'));
  }

  /** Finds the database, and finds it again, until the end. */
  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const line = await findPrimary(this.#options, this.#first);
        this.#first = this.#options.location.hosts.indexOf(line.at);
        await this.#serve(line).finally(() => line.close());
      } catch (error) {
        this.#lose(this.#line, error);
        if (error instanceof LogFault && error.code === 'refused') this.#turnedAway.resolve(undefined);
        // The one that was lost is asked last.
        this.#first += 1;
      }
      await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Makes a connection the one that counts, until it ends. */
  async #serve(line: Line): Promise<void> {
    const [is] = await line.ask(IS_CREATED);
    if (is?.['created'] !== true) await line.run(CREATE);
    await line.listen((word) => (word === WANTED ? this.#wanted() : this.#news()));
    const ended = new Promise<never>((_, reject) => line.onClosed(reject));
    ended.catch(() => undefined);
    const fault = await this.#pulse(line);
    // What a crash left behind may be on one machine only.
    if (this.#options.durability === 'standby' && fault === undefined) await untilReplicated(line);
    this.#line = line;
    this.#note(fault);
    this.#awaited.resolve(line);
    this.#news();
    for (;;) {
      await Promise.race([ended, pause(PULSE_MS, undefined, { signal: this.#closing.signal })]);
      const [before, last] = [this.#fault, this.#last];
      this.#note(await this.#pulse(line));
      if (before?.code !== this.#fault?.code || last !== this.#last) this.#news();
    }
  }

  /** Reads the last number and the clock; returns what keeps the database from being written. */
  async #pulse(line: Line): Promise<LogFault | undefined> {
    const began = monotonicSeconds();
    const [pulse] = await line.ask(PULSE);
    if (pulse?.['standby'] === true) throw new Error(`${nameOf(line.at)} is a standby now`);
    this.#clock = Number(pulse?.['now']) - (began + monotonicSeconds()) / 2;
    this.#last = Number(pulse?.['last']);
    this.#snapshot = { n: Number(pulse?.['snapshot']), ageSeconds: Number(pulse?.['age']) };
    return this.#options.durability === 'standby' && pulse?.['names'] === '' ? noStandby(line) : undefined;
  }

  #lose(line: Line | undefined, error: unknown): void {
    if (line !== this.#line) return;
    const wasThere = this.#line !== undefined;
    if (wasThere) this.#awaited = Promise.withResolvers();
    this.#line = undefined;
    const before = this.#fault?.message;
    this.#note(error instanceof LogFault ? error : isRefusal(error) ? refusal(error) : away(error));
    if (wasThere || before !== this.#fault?.message) this.#news();
  }

  #note(fault: LogFault | undefined): void {
    this.#since = fault === undefined ? undefined : (this.#since ?? monotonicSeconds());
    this.#fault = fault;
  }

  #wanted(): void {
    for (const listen of this.#wanting) listen();
  }

  #news(): void {
    for (const listen of this.#listeners) listen();
  }
}

function appendValues(entry: SealedEntry, after: LogPosition, needsStandby: boolean): unknown[] {
  const { n, token, nonce, schema, kind, data } = entry;
  const [own, previous] = [token, after.token].map((each) => Buffer.from(each, 'hex'));
  return [n, own, nonce, schema, kind, data, needsStandby, previous];
}

/** What a look at the number of an entry says that was not stored there just now; undefined where the number is free again. */
function outcomeAt(
  there: Readonly<Record<string, unknown>>,
  { n, token }: SealedEntry,
  after: LogPosition,
): Appended | 'ours' | undefined {
  const last = Number(there['last']);
  const { here = null, before = null } = there;
  if (here === token) return 'ours';
  if (after.n > last) return { outcome: 'forked', aheadBy: after.n - last };
  if (before !== null && before !== after.token) return { outcome: 'forked', aheadBy: 1 };
  return here === null && last < n ? undefined : { outcome: 'taken' };
}

function away(cause: unknown): LogFault {
  return new LogFault('away', `Cannot reach the log's database: ${(cause as Error).message}`, { cause });
}

function unknownOutcome(n: number, cause: unknown): LogFault {
  return new LogFault(
    'unknown',
    `Cannot tell whether entry ${n} of the log is stored: ${(cause as Error).message}. It may come into force yet: look, once the database answers, before you ask for it again`,
    { n, cause },
  );
}

function refusal(cause: unknown): LogFault {
  return new LogFault('refused', `The log's database refuses: ${(cause as Error).message}${wayOut(cause)}`, {
    cause,
  });
}
