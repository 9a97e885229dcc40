import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Ledger } from '../ledger.ts';
import type { Row, Sql } from '../tables/rows.ts';

/**
 * Chores that one of several servers does for the whole fleet: each is claimed by a row of the ledger that they share, for a time, and whoever
 * is there when that is over takes it. So a server that dies keeps nothing for longer, and one that starts again is another one. A
 * server that is alone has every chore, and writes nothing for it.
 */
export class Claims {
  readonly #ledger: Pick<Ledger, 'sql' | 'write' | 'replica'>;
  readonly #now: () => number;
  readonly #server: string;

  /** `now` is what all servers go by, so the database's clock where there is one; two that go by different ones may both have a chore. */
  constructor(
    ledger: Pick<Ledger, 'sql' | 'write' | 'replica'>,
    now: () => number,
    server = `${hostname()}/${randomBytes(4).toString('hex')}`,
  ) {
    this.#ledger = ledger;
    this.#now = now;
    this.#server = server;
  }

  /**
   * Whether this server has a chore now, and for at least half of so many seconds more: asked again before that, it keeps it. @throws when the
   * shared log cannot be written: nobody has it then, and who has to act just because of that does so without.
   */
  async claim(name: string, forSeconds: number): Promise<boolean> {
    if (this.#isAlone) return true;
    return this.#ledger.write(() => this.take(name, forSeconds));
  }

  /** The same within a piece of the ledger's queue, so that what is done under the claim is committed with it or not at all. */
  take(name: string, forSeconds: number): boolean {
    if (this.#isAlone) return true;
    const now = this.#now();
    const held = claimOf(this.#ledger.sql, name);
    if (held !== undefined && held.until > now) {
      if (held.server !== this.#server) return false;
      // Each writing is an entry that every server applies.
      if (held.until - now >= forSeconds / 2) return true;
    }
    this.#ledger
      .sql('INSERT OR REPLACE INTO claims VALUES (?, ?, ?)')
      .run(name, this.#server, now + forSeconds);
    return true;
  }

  /** Leaves a chore that this server has to whoever asks next, since it cannot do it itself. @throws as claim() */
  async release(name: string): Promise<void> {
    if (this.#isAlone) return;
    await this.#ledger.write(({ sql }) => {
      sql('DELETE FROM claims WHERE name = ? AND server = ?').run(name, this.#server);
    });
  }

  get #isAlone(): boolean {
    return this.#ledger.replica() === undefined;
  }
}

function claimOf(sql: Sql, name: string): { server: string; until: number } | undefined {
  const row = sql('SELECT server, until FROM claims WHERE name = ?').get(name) as Row | undefined;
  return row === undefined ? undefined : { server: String(row['server']), until: Number(row['until']) };
}
