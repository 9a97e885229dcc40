import { hostsOf, type Happening } from '../words/happening.ts';
import { lastBefore, lastOf, SOURCES } from './tables/happenings.ts';
import type { Row, Sql } from './tables/rows.ts';

type Name = keyof typeof SOURCES;
const NAMES = Object.keys(SOURCES) as Name[];

/** How far somebody has read: the last number of each table. */
export type Cursor = Readonly<Record<Name, number>>;

/** Which happenings are wanted; times are epoch seconds, `until` is the last moment that counts. */
export type Wanted = {
  since?: number | undefined;
  until?: number | undefined;
  matches: (happening: Happening, hosts: readonly string[]) => boolean;
};

/** A part of what happened, in order; `isAll` where nothing more is there by now. */
export type Part = { happenings: Happening[]; cursor: Cursor; isAll: boolean };

/** So many rows are looked at for one question, some 10 ms: reports wait meanwhile. */
const ROWS = 2000;
/** Rows of a table that are fetched together. */
const FETCHED = 250;
/** Clocks of several servers, and reports that waited for a commit, may be that much out of order. Seconds. */
const OUT_OF_ORDER = 60;

/** Where everything ends now. */
export function cursorNow(sql: Sql): Cursor {
  return cursorOf((name) => lastOf(sql, SOURCES[name]));
}

/** A cursor before everything since a time, epoch seconds. */
export function cursorBefore(sql: Sql, since: number): Cursor {
  return cursorOf((name) => lastBefore(sql, SOURCES[name], since - OUT_OF_ORDER));
}

/** What happened after a cursor, merged by time, so many at most. Much may be passed over that is not wanted: a part may be empty. */
export function readPart(sql: Sql, after: Cursor, wanted: Wanted, most: number): Part {
  const { since = -Infinity, until = Infinity, matches } = wanted;
  const threads = NAMES.map((name) => new Thread(sql, name, after[name], until));
  const happenings: Happening[] = [];
  const budget = { rows: ROWS };
  let isAll = false;
  while (happenings.length < most) {
    for (const thread of threads) thread.fetch(budget);
    if (threads.some(({ isHungry }) => isHungry)) break;
    const next = earliest(threads);
    if (next === undefined) {
      isAll = true;
      break;
    }
    const { row, happening } = next.take();
    if (happening.at < since || happening.at > until) continue;
    if (matches(happening, hostsOf(happening, row))) happenings.push(happening);
  }
  return { happenings, cursor: cursorOf((name) => threads[NAMES.indexOf(name)]?.cursor ?? 0), isAll };
}

/** One table, read in order. */
class Thread {
  readonly #sql: Sql;
  readonly #name: Name;
  readonly #before: number;
  #rows: Row[] = [];
  #hasMore = true;
  cursor: number;

  constructor(sql: Sql, name: Name, after: number, until: number) {
    this.#sql = sql;
    this.#name = name;
    const source = SOURCES[name];
    const last = lastOf(sql, source);
    // What is swept away to the last row counts anew.
    this.cursor = Math.min(after, last);
    this.#before = until === Infinity ? last + 1 : lastBefore(sql, source, until + OUT_OF_ORDER) + 1;
  }

  /** Nothing is fetched, and there may be something. */
  get isHungry(): boolean {
    return this.#rows.length === 0 && this.#hasMore;
  }

  get next(): Row | undefined {
    return this.#rows[0];
  }

  fetch(budget: { rows: number }): void {
    if (!this.isHungry || budget.rows <= 0) return;
    const count = Math.min(FETCHED, budget.rows);
    this.#rows = this.#sql(SOURCES[this.#name].page).all(this.cursor, this.#before, count) as Row[];
    this.#hasMore = this.#rows.length === count;
    budget.rows -= Math.max(1, this.#rows.length);
  }

  take(): { row: Row; happening: Happening } {
    const row = this.#rows.shift();
    if (row === undefined) throw new Error(`nothing of ${this.#name} is left`);
    this.cursor = Number(row['n']);
    return { row, happening: SOURCES[this.#name].tell(row) };
  }
}

function earliest(threads: readonly Thread[]): Thread | undefined {
  let first: Thread | undefined;
  for (const thread of threads)
    if (thread.next !== undefined && (first === undefined || atOf(thread) < atOf(first))) first = thread;
  return first;
}

function atOf({ next }: Thread): number {
  return Number(next?.['at']);
}

function cursorOf(of: (name: Name) => number): Cursor {
  return { reports: of('reports'), events: of('events'), outcomes: of('outcomes'), audit: of('audit') };
}
