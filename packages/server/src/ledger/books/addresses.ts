import { parseRange, type Address, type Range } from '@banshare/protocol';
import type { Row } from '../tables/rows.ts';
import type { Ledger } from '../ledger.ts';

/** By what an address counts as a host's: the host spoke from it, or tells it and an operator approved that. */
export const ADDRESS_TABLES = ['seen_at', 'approved_at'] as const;
export type AddressTable = (typeof ADDRESS_TABLES)[number];

/** An address of a host as it is kept; times are epoch seconds. */
export type KeptAddress = {
  host: { id: number; name: string; enrolled: number; approved: number | null };
  lastSeen: number;
  address: Address;
  at: number;
};

/** Where the fleet's hosts are. Whatever writes is called within a piece of the ledger's queue. */
export class AddressRows {
  readonly #ledger: Pick<Ledger, 'sql'>;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
  }

  /** All of a table, the oldest first. */
  all(table: AddressTable): KeptAddress[] {
    const rows = this.#ledger
      .sql(
        `SELECT host AS id, name, enrolled, approved, last_seen, address, at FROM ${table} JOIN hosts ON hosts.id = host ORDER BY at`,
      )
      .all() as Row[];
    return rows.map((row) => ({
      host: whoOf(row),
      lastSeen: Number(row['last_seen'] ?? 0),
      address: row['address'] as Address,
      at: Number(row['at']),
    }));
  }

  /** The host of an id, undefined where there is none or it was shut out. */
  host(id: number): (KeptAddress['host'] & { lastSeen: number }) | undefined {
    const row = this.#ledger
      .sql("SELECT id, name, enrolled, approved, last_seen FROM hosts WHERE id = ? AND state <> 'revoked'")
      .get(id) as Row | undefined;
    return row === undefined ? undefined : { ...whoOf(row), lastSeen: Number(row['last_seen'] ?? 0) };
  }

  /** What a table has of a host, the oldest first. */
  of(table: AddressTable, hostId: number): Pick<KeptAddress, 'address' | 'at'>[] {
    const rows = this.#ledger
      .sql(`SELECT address, at FROM ${table} WHERE host = ? ORDER BY at`)
      .all(hostId) as Row[];
    return rows.map((row) => ({ address: row['address'] as Address, at: Number(row['at']) }));
  }

  put(table: AddressTable, hostId: number, address: Address, at: number): void {
    this.#ledger.sql(`INSERT OR REPLACE INTO ${table} VALUES (?, ?, ?)`).run(hostId, address, at);
  }

  remove(table: AddressTable, hostId: number, address: Address): void {
    this.#ledger.sql(`DELETE FROM ${table} WHERE host = ? AND address = ?`).run(hostId, address);
  }

  removeHost(hostId: number): void {
    for (const table of ADDRESS_TABLES) this.#ledger.sql(`DELETE FROM ${table} WHERE host = ?`).run(hostId);
  }

  /** Forgets what was last in order at that time or before. */
  forgetUpto(at: number): void {
    for (const table of ADDRESS_TABLES) this.#ledger.sql(`DELETE FROM ${table} WHERE at <= ?`).run(at);
  }
}

function whoOf(row: Row): KeptAddress['host'] {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    enrolled: Number(row['enrolled']),
    approved: row['approved'] === null ? null : Number(row['approved']),
  };
}

/** A range that an operator added to what is never banned: until when, epoch seconds, what it is, and who said so, as far as that was said. */
export type AddedRange = {
  readonly range: Range;
  readonly until: number | null;
  readonly note: string;
  readonly by: string;
};

/** The ranges that an operator added to what is never banned. Whatever writes is called within a piece of the ledger's queue. */
export class NeverBanRows {
  readonly #ledger: Pick<Ledger, 'sql'>;

  constructor(ledger: Pick<Ledger, 'sql'>) {
    this.#ledger = ledger;
  }

  all(): AddedRange[] {
    const rows = this.#ledger
      .sql('SELECT range, until, note, added_by AS by FROM never_ban ORDER BY range')
      .all() as Row[];
    return rows.flatMap(({ range: text, until, note, by }) => {
      const range = parseRange(String(text));
      if (!range.ok) return [];
      const end = until === null ? null : Number(until);
      return [{ range: range.value, until: end, note: String(note), by: String(by) }];
    });
  }

  /** What is there already is as it is said now. */
  add({ range, until, note, by }: AddedRange, now: number): void {
    this.#ledger
      .sql('INSERT OR REPLACE INTO never_ban (range, at, until, note, added_by) VALUES (?, ?, ?, ?, ?)')
      .run(range, now, until, note, by);
  }

  /** Returns whether it was there. */
  remove(range: Range): boolean {
    return Number(this.#ledger.sql('DELETE FROM never_ban WHERE range = ?').run(range).changes) > 0;
  }
}
