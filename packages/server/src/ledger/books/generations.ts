import type { Ledger } from '../ledger.ts';
import { Settings } from './settings.ts';
import type { Row } from '../tables/rows.ts';

const [KNOWN, RETIRED] = ['generation/', 'retired/'];

/**
 * Which generations of keys there are, and which of them are retired. Their keys are files, which each server gets by itself; that one is
 * retired counts for all. What writes is called within a piece of the ledger's queue.
 */
export class GenerationBook {
  readonly #ledger: Pick<Ledger, 'sql'>;
  readonly #settings: Settings;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
    this.#settings = new Settings(ledger);
  }

  /** Notes that a server has the keys of these. */
  enter(names: readonly string[], now: number): void {
    for (const name of names) this.#settings.putFirst(KNOWN + name, String(now));
  }

  retire(name: string, now: number): void {
    this.#settings.putFirst(RETIRED + name, String(now));
  }

  /** It may be installed again. */
  unretire(name: string): void {
    this.#settings.remove(RETIRED + name);
  }

  isRetired(name: string): boolean {
    return this.#settings.get(RETIRED + name) !== undefined;
  }

  /** Those that some server has, or had when it last started, and that are not retired; oldest first. */
  inService(): string[] {
    const rows = this.#ledger
      .sql("SELECT name FROM meta WHERE name >= 'generation/' AND name < 'generation0' ORDER BY name")
      .all() as Row[];
    return rows.map((row) => String(row['name']).slice(KNOWN.length)).filter((name) => !this.isRetired(name));
  }
}
