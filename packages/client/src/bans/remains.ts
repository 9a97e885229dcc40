import type { StatementSync } from 'node:sqlite';
import type { BanKey, JailName, Target } from '@banshare/protocol';

/**
 * A ban that stands where an enforcer put it that is no longer asked. isBefore: it is lifted before the enforcer that followed
 * puts the ban in place, since both may act on the same thing.
 */
export type Remain = BanKey & { holder: string; localJail: JailName; isBefore: boolean };

/** What earlier enforcers of this host still hold of banshare, as it stands in the state. */
export class Remains {
  readonly #sql: (text: string) => StatementSync;

  constructor(sql: (text: string) => StatementSync) {
    this.#sql = sql;
  }

  add({ holder, ip, prog, jail, localJail, isBefore }: Remain): void {
    this.#sql(
      'INSERT OR REPLACE INTO left_behind (place, ip, prog, jail, local_jail, before) VALUES (?, ?, ?, ?, ?, ?)',
    ).run(holder, ip, prog, jail, localJail, isBefore ? 1 : 0);
  }

  has(holder: string, ban: BanKey): boolean {
    const found = this.#sql(
      'SELECT 1 FROM left_behind WHERE place = ? AND ip = ? AND prog = ? AND jail = ?',
    ).get(holder, ban.ip, ban.prog, ban.jail);
    return found !== undefined;
  }

  /** Notes by which event an address was lifted that still stands there. @returns the holders where it does. */
  noteUnban(ip: Target, seq: number): string[] {
    this.#sql('UPDATE left_behind SET unban = ? WHERE ip = ?').run(seq, ip);
    const rows = this.#sql('SELECT DISTINCT place FROM left_behind WHERE ip = ? ORDER BY place').all(ip);
    return rows.map((row) => String(row['place']));
  }

  /** The events that lifted an address which no enforcer holds any more once this one has let it go; of one address or of all. */
  unbansEndingAt(holder: string, ip?: Target): number[] {
    const rows = this.#sql(
      `SELECT DISTINCT unban FROM left_behind AS here WHERE place = ? AND (? IS NULL OR ip = ?) AND unban IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM left_behind AS there WHERE there.ip = here.ip AND there.place <> here.place)`,
    ).all(holder, ip ?? null, ip ?? null);
    return rows.map((row) => Number(row['unban']));
  }

  /** Whether one holder has nothing left. */
  isEmptyAt(holder: string): boolean {
    return this.#sql('SELECT 1 FROM left_behind WHERE place = ? LIMIT 1').get(holder) === undefined;
  }

  /** What one holder still has; of one address only, where that is named. */
  at(holder: string, ip?: Target): Remain[] {
    const rows =
      ip === undefined
        ? this.#sql('SELECT * FROM left_behind WHERE place = ?').all(holder)
        : this.#sql('SELECT * FROM left_behind WHERE place = ? AND ip = ?').all(holder, ip);
    return rows.map(leftOf);
  }

  remove({ holder, ip, prog, jail }: Omit<Remain, 'localJail' | 'isBefore'>): void {
    this.#sql('DELETE FROM left_behind WHERE place = ? AND ip = ? AND prog = ? AND jail = ?').run(
      holder,
      ip,
      prog,
      jail,
    );
  }

  /** Forgets all that one holder has. */
  clear(holder: string): void {
    this.#sql('DELETE FROM left_behind WHERE place = ?').run(holder);
  }

  get count(): number {
    return Number(this.#sql('SELECT count(*) AS n FROM left_behind').get()?.['n']);
  }
}

function leftOf(row: Record<string, unknown>): Remain {
  return {
    holder: row['place'],
    ip: row['ip'],
    prog: row['prog'],
    jail: row['jail'],
    localJail: row['local_jail'],
    isBefore: row['before'] === 1,
  } as Remain;
}
