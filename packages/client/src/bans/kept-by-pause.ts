import type { StatementSync } from 'node:sqlite';
import type { Origin } from '@banshare/protocol';
import type { BanRow } from './ban-row.ts';

/** As the index has it, word by word: SQLite uses it for nothing else. */
const KEPT = `((status = 'skipped' AND reason_code = 'paused') OR (status = 'lifting' AND kept_code = 'paused'))`;

/** The bans in the state that a pause keeps back, or is about to. */
export class KeptByPause {
  readonly #sql: (text: string) => StatementSync;
  readonly #rowOf: (row: unknown) => BanRow;

  constructor(sql: (text: string) => StatementSync, rowOf: (row: unknown) => BanRow) {
    this.#sql = sql;
    this.#rowOf = rowOf;
  }

  get count(): number {
    return Number(
      this.#sql(`SELECT count(*) AS n FROM bans INDEXED BY bans_paused WHERE ${KEPT}`).get()?.['n'],
    );
  }

  /** How many of them the pause has not lifted yet. */
  get stillToLift(): number {
    const sql = `SELECT count(*) AS n FROM bans INDEXED BY bans_paused WHERE ${KEPT} AND status = 'lifting'`;
    return Number(this.#sql(sql).get()?.['n']);
  }

  /** Those of an origin, the newest first. */
  newest(origin: Origin, limit: number): BanRow[] {
    const sql = `SELECT * FROM bans INDEXED BY bans_paused WHERE ${KEPT} AND origin = ? ORDER BY at DESC LIMIT ?`;
    return this.#sql(sql).all(origin, limit).map(this.#rowOf);
  }
}
