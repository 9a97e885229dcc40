import type { StatementSync } from 'node:sqlite';
import type { Origin } from '@banshare/protocol';
import type { BanRow } from './ban-row.ts';

/** As the index has it, word by word: what gives way is lifted, so it has to be banshare's own, or not begun. */
const LIFTABLE = `(status = 'pending' OR (ours = 1 AND status IN ('applied', 'unproven')))`;

/** What a host that takes only so many bans has to know: which of those in place give way, and what takes their place. */
export class InPlace {
  readonly #sql: (text: string) => StatementSync;
  readonly #rowOf: (row: unknown) => BanRow;

  constructor(sql: (text: string) => StatementSync, rowOf: (row: unknown) => BanRow) {
    this.#sql = sql;
    this.#rowOf = rowOf;
  }

  /** The oldest in place of an origin that one host found, of those that can give way. */
  oldest(origin: Origin, finder: string, limit: number): BanRow[] {
    return this.#sql(
      `SELECT * FROM bans INDEXED BY bans_in_place WHERE ${LIFTABLE} AND origin = ? AND finder = ? ORDER BY at LIMIT ?`,
    )
      .all(origin, finder, limit)
      .map(this.#rowOf);
  }

  /** How many of those each host has found, the most first. */
  byHost(): { host: string; count: number }[] {
    return this.#sql(
      `SELECT finder, count(*) AS n FROM bans INDEXED BY bans_in_place
       WHERE ${LIFTABLE} AND origin = 'host' GROUP BY finder ORDER BY n DESC`,
    )
      .all()
      .map((row) => ({ host: String(row['finder']), count: Number(row['n']) }));
  }

  /** What of an origin is not over and was left out since this host had as many as it takes, the newest first. */
  newestLeftOut(origin: Origin, now: number, limit: number): BanRow[] {
    return this.#sql(
      `SELECT * FROM bans INDEXED BY bans_left_out WHERE status = 'skipped' AND reason_code = 'full' AND origin = ?
       AND (until IS NULL OR until > ?) ORDER BY at DESC, seq DESC LIMIT ?`,
    )
      .all(origin, now, limit)
      .map(this.#rowOf);
  }
}
