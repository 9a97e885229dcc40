import type { Row } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';

/** How many new bans there were in each minute, numbered from the beginning of the epoch. */
export class BanMinutes {
  readonly #ledger: Pick<Ledger, 'sql' | 'write'>;

  constructor(ledger: Pick<Ledger, 'sql' | 'write'>) {
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

  /** Keeps how many there were in some minutes, and forgets those before another. @throws when the ledger cannot be written. */
  async keep(minutes: readonly { minute: number; bans: number }[], before: number): Promise<void> {
    await this.#ledger.write(({ sql }) => {
      for (const { minute, bans } of minutes)
        // A server that started within the minute has counted fewer.
        sql(
          'INSERT INTO ban_minutes VALUES (?, ?) ON CONFLICT DO UPDATE SET bans = max(bans, excluded.bans)',
        ).run(minute, bans);
      sql('DELETE FROM ban_minutes WHERE minute < ?').run(before);
    });
  }
}
