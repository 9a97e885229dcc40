import type { Range } from '@banshare/protocol';
import type { Row } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';
import type { Token } from '../../words/hosts/token.ts';

/** The rows of the tokens. Whatever writes is called within a piece of the ledger's queue. */
export class TokenRows {
  readonly #ledger: Pick<Ledger, 'sql'>;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
  }

  all(): Token[] {
    return (this.#ledger.sql('SELECT * FROM tokens ORDER BY made, id').all() as Row[]).map(tokenOf);
  }

  get(id: string): Token | undefined {
    const row = this.#ledger.sql('SELECT * FROM tokens WHERE id = ?').get(id) as Row | undefined;
    return row === undefined ? undefined : tokenOf(row);
  }

  insert({ id, key, made, until, uses, used, from, pattern, approves, revoked }: Token): void {
    this.#ledger
      .sql('INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(id, key, made, until, uses, used, from, pattern, Number(approves), revoked);
  }

  use(id: string): void {
    this.#ledger.sql('UPDATE tokens SET used = used + 1 WHERE id = ?').run(id);
  }

  revoke(id: string, now: number): void {
    this.#ledger.sql('UPDATE tokens SET revoked = ? WHERE id = ? AND revoked IS NULL').run(now, id);
  }

  /** Removes those that ended before a time and that no host came by. */
  sweep(before: number): void {
    this.#ledger
      .sql(
        'DELETE FROM tokens WHERE until < ? AND id NOT IN (SELECT token FROM hosts WHERE token IS NOT NULL)',
      )
      .run(before);
  }
}

function tokenOf(row: Row): Token {
  const text = (name: string): string | null => (row[name] === null ? null : String(row[name]));
  return {
    id: String(row['id']),
    key: String(row['key']),
    made: Number(row['made']),
    until: Number(row['until']),
    uses: Number(row['uses']),
    used: Number(row['used']),
    from: text('range') as Range | null,
    pattern: text('pattern'),
    approves: row['approves'] === 1,
    revoked: row['revoked'] === null ? null : Number(row['revoked']),
  };
}
