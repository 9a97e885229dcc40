import { createHash } from 'node:crypto';
import type { Row, Sql } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';
import { whoAsks } from '../who-asks.ts';

/** What an operator did, or the server by itself; `at` epoch seconds. The hash covers the entry and the one before it. */
export type AuditEntry = {
  n: number;
  at: number;
  what: string;
  details: Record<string, unknown>;
  hash: string;
};

/**
 * What an entry is called that says that a limit, or a freeze, has begun to hold something. The word is an older one: ledgers have it, their
 * hashes cover it, and programs look for it; people are shown "limit".
 */
export const LIMIT_ENTRY = 'brake';

const FIRST_HASH = '0'.repeat(64);
const PAGE = 1000;

/** The log of operators' actions, enrolments, revocations and held bans; it is only ever added to. */
export class Audit {
  readonly #ledger: Ledger;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Adds an entry by itself. @throws when it cannot be written: then the action must not happen either. */
  async add(what: string, details: Record<string, unknown>, now: number): Promise<void> {
    await this.#ledger.write(() => this.note(what, details, now));
  }

  /** Adds an entry within the piece that does what it tells: neither is stored without the other. It has who asked for the deed. */
  note(what: string, details: Record<string, unknown>, now: number): void {
    appendEntry(this.#ledger.sql, what, { ...details, ...whoAsks() }, now);
  }

  /** The newest entries, oldest first. */
  newest(limit: number): AuditEntry[] {
    const rows = this.#ledger.sql('SELECT * FROM audit ORDER BY n DESC LIMIT ?').all(limit) as Row[];
    return rows.map(entryOf).toReversed();
  }

  /** The number of the first entry that was changed, removed or put in; undefined when the chain holds. */
  firstBroken(): number | undefined {
    let before = FIRST_HASH;
    let last = 0;
    for (let after = Number.MIN_SAFE_INTEGER; ; after = last) {
      const rows = this.#ledger
        .sql('SELECT * FROM audit WHERE n > ? ORDER BY n LIMIT ?')
        .all(after, PAGE) as Row[];
      for (const row of rows) {
        const n = Number(row['n']);
        const hash = hashOf(before, n, Number(row['at']), String(row['what']), String(row['details']));
        if (n !== last + 1 || hash !== row['hash']) return last + 1;
        before = hash;
        last = n;
      }
      if (rows.length < PAGE) return this.#endsAt(last, before) ? undefined : last + 1;
    }
  }

  #endsAt(n: number, hash: string): boolean {
    const row = this.#ledger.sql("SELECT value FROM meta WHERE name = 'audit'").get() as Row | undefined;
    return (row?.['value'] ?? `0 ${FIRST_HASH}`) === `${n} ${hash}`;
  }
}

/** Adds an entry to the chain; the caller sees to the transaction. @throws when it cannot be written. */
export function appendEntry(sql: Sql, what: string, details: Record<string, unknown>, now: number): void {
  const last = sql('SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1').get() as Row | undefined;
  const text = JSON.stringify(details);
  const n = Number(last?.['n'] ?? 0) + 1;
  const hash = hashOf(String(last?.['hash'] ?? FIRST_HASH), n, now, what, text);
  sql('INSERT INTO audit VALUES (?, ?, ?, ?, ?)').run(n, now, what, text, hash);
  // Without it nobody would miss the last entries.
  sql("INSERT OR REPLACE INTO meta VALUES ('audit', ?)").run(`${n} ${hash}`);
}

function hashOf(before: string, n: number, at: number, what: string, details: string): string {
  return createHash('sha256')
    .update(JSON.stringify([before, n, at, what, details]))
    .digest('hex');
}

function entryOf(row: Row): AuditEntry {
  return {
    n: Number(row['n']),
    at: Number(row['at']),
    what: String(row['what']),
    details: JSON.parse(String(row['details'])) as Record<string, unknown>,
    hash: String(row['hash']),
  };
}
