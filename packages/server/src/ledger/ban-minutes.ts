import type { Row } from './rows.ts';
import type { Ledger } from './ledger.ts';

/** How many new bans there were in each minute, numbered from the beginning of the epoch. */
export class BanMinutes {
  readonly #ledger: Pick<Ledger, 'sql'>;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
  }

  /** Those after a minute. */
  after(minute: number): { minute: number; bans: number }[] {
    return this.#ledger.sql('SELECT minute, bans FROM ban_minutes WHERE minute > ?').all(minute) as {
      minute: number;
      bans: number;
    }[];
  }

  /** The first of them that is after one minute and up to another, and how many bans there were; null where there is none. */
  sumWithin(after: number, upto: number): { first: number; bans: number } | null {
    const row = this.#ledger
      .sql('SELECT min(minute) AS first, sum(bans) AS bans FROM ban_minutes WHERE minute > ? AND minute <= ?')
      .get(after, upto) as Row;
    return row['first'] === null ? null : { first: Number(row['first']), bans: Number(row['bans']) };
  }

  /** @throws when the ledger cannot be written, as what follows. */
  put(minute: number, bans: number): void {
    this.#ledger.sql('INSERT OR REPLACE INTO ban_minutes VALUES (?, ?)').run(minute, bans);
  }

  forgetBefore(minute: number): void {
    this.#ledger.sql('DELETE FROM ban_minutes WHERE minute < ?').run(minute);
  }
}
