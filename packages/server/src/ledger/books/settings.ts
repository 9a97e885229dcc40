import type { Row } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';

/** Single values by their names that outlive a restart. Whatever writes is called within a piece of the ledger's queue. */
export class Settings {
  readonly #ledger: Pick<Ledger, 'sql'>;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
  }

  get(name: string): string | undefined {
    const row = this.#ledger.sql('SELECT value FROM meta WHERE name = ?').get(name) as Row | undefined;
    return row === undefined ? undefined : String(row['value']);
  }

  put(name: string, value: string): void {
    this.#ledger.sql('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value);
  }

  /** Writes a value unless there is one. */
  putFirst(name: string, value: string): void {
    this.#ledger.sql('INSERT OR IGNORE INTO meta VALUES (?, ?)').run(name, value);
  }

  remove(name: string): void {
    this.#ledger.sql('DELETE FROM meta WHERE name = ?').run(name);
  }
}
