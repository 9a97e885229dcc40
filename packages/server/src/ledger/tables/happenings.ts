import { cameOf, deed, published, reported, type Happening } from '../../words/happening.ts';
import type { Row, Sql } from './rows.ts';

/** A table in which what happened is numbered in the order of commits: what comes later has the higher number. */
export type Source = {
  /** The number of the last one; null where there is none. */
  last: string;
  /** The first one from a number on. */
  from: string;
  /** So many after a number and before another, in order. */
  page: string;
  tell: (row: Row) => Happening;
};

/** The version of the tables from which on whoever inserts numbers by himself. */
export const NUMBERED_SINCE = 21;

/**
 * Triggers of this connection alone, which are in no file, for the order in which servers of an older version append to a shared log:
 * they number nothing. Made only where an entry of such a one comes, since SQLite keeps a way back for each row that has one, also where it
 * does nothing: a third of the time that an entry takes to be applied.
 */
export const NUMBERING = `
  CREATE TEMP TRIGGER report_numbered AFTER INSERT ON main.reports WHEN new.n IS NULL BEGIN
    UPDATE reports SET n = (SELECT coalesce(max(n), 0) + 1 FROM reports) WHERE host = new.host AND id = new.id;
  END;
  CREATE TEMP TRIGGER outcome_numbered AFTER INSERT ON main.outcomes WHEN new.n IS NULL BEGIN
    UPDATE outcomes SET n = (SELECT coalesce(max(n), 0) + 1 FROM outcomes) WHERE seq = new.seq AND host = new.host;
  END;`;

/** Where things that happen are kept. Times may go back by a little in each of them, since several servers commit. */
export const SOURCES = {
  reports: {
    last: 'SELECT max(n) AS n FROM reports',
    from: 'SELECT n, received AS at FROM reports WHERE n >= ? ORDER BY n LIMIT 1',
    page: `SELECT n, received AS at, kind, ip, prog, jail, name AS who, target, verdict, reason, seq
      FROM reports LEFT JOIN hosts ON hosts.id = reports.host WHERE n > ? AND n < ? ORDER BY n LIMIT ?`,
    tell: reported,
  },
  events: {
    last: 'SELECT max(seq) AS n FROM events',
    from: 'SELECT seq AS n, at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1',
    page: `SELECT seq AS n, at, kind, ip, prog, jail, host AS who, until, details
      FROM events WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?`,
    tell: published,
  },
  outcomes: {
    last: 'SELECT max(n) AS n FROM outcomes',
    from: 'SELECT n, at FROM outcomes WHERE n >= ? ORDER BY n LIMIT 1',
    page: `SELECT n, outcomes.at AS at, ip, prog, jail, name AS who, outcomes.seq AS seq, outcome, reason
      FROM outcomes LEFT JOIN hosts ON hosts.id = outcomes.host LEFT JOIN events ON events.seq = outcomes.seq
      WHERE n > ? AND n < ? ORDER BY n LIMIT ?`,
    tell: cameOf,
  },
  audit: {
    last: 'SELECT max(n) AS n FROM audit',
    from: 'SELECT n, at FROM audit WHERE n >= ? ORDER BY n LIMIT 1',
    page: 'SELECT n, at, what, details FROM audit WHERE n > ? AND n < ? ORDER BY n LIMIT ?',
    tell: deed,
  },
} as const satisfies Readonly<Record<string, Source>>;

/** The last number; 0 where nothing happened. */
export function lastOf(sql: Sql, { last }: Source): number {
  return Number((sql(last).get() as Row)['n'] ?? 0);
}

/** The last number before a time, found in a few steps; 0 where all is later. */
export function lastBefore(sql: Sql, source: Source, before: number): number {
  let [low, high] = [0, lastOf(sql, source) + 1];
  // What is at `low` is before that time, and what is at `high` is not.
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const row = sql(source.from).get(middle) as Row | undefined;
    const n = Number(row?.['n'] ?? high);
    if (n >= high || Number(row?.['at']) >= before) high = middle;
    else low = n;
  }
  return low;
}
