import { isInRange, parseAddress, parseRange, type Address, type Range } from '@banshare/protocol';
import type { Host } from './host-book.ts';
import type { Row } from './rows.ts';
import type { SqliteLedger } from './sqlite-ledger.ts';

/** An address of the fleet stays protected for so long after the host was last seen at it. */
const SEEN_SECONDS = 86_400;
/** A host that talks from ever new addresses protects only so many. */
const MOST_PER_HOST = 16;

/**
 * What is never banned beside the special ranges: what the administrator lists, in server.toml or by command, and where the
 * fleet's own hosts are seen to come from.
 */
export class NeverBan {
  readonly #ledger: SqliteLedger;
  readonly #configured: readonly Range[];
  readonly #protectsFleet: boolean;
  #added: readonly Range[];
  /** The fleet's addresses: which host, and when it was last seen there (epoch seconds). */
  readonly #seen = new Map<string, Map<number, number>>();
  readonly #names = new Map<number, string>();

  constructor(ledger: SqliteLedger, settings: { addresses: readonly Range[]; fleet: boolean }) {
    this.#ledger = ledger;
    this.#configured = settings.addresses;
    this.#protectsFleet = settings.fleet;
    this.#added = this.#readAdded();
    for (const row of ledger.sql('SELECT host, address, at FROM seen_at').all() as Row[]) {
      this.#note(Number(row['host']), String(row['address']), Number(row['at']));
    }
  }

  /** The rule that protects an address, in words; undefined where none does. now is epoch seconds. */
  ruleFor(ip: Address, now: number): string | undefined {
    const configured = this.#configured.find((range) => isInRange(ip, range));
    if (configured !== undefined) return `${configured} of [never-ban] in server.toml`;
    const added = this.#added.find((range) => isInRange(ip, range));
    if (added !== undefined) return `${added} of banshare-server never-ban`;
    return this.#protectsFleet ? this.#fleetRule(ip, now) : undefined;
  }

  /** Everything that is listed, for people. */
  list(now: number): { range: string; source: string }[] {
    const fleet = [...this.#seen.keys()].flatMap((address) => {
      const rule = this.#fleetRule(address as Address, now);
      return rule === undefined ? [] : [{ range: address, source: rule }];
    });
    return [
      ...this.#configured.map((range) => ({ range, source: 'server.toml' })),
      ...this.#added.map((range) => ({ range, source: 'added' })),
      ...(this.#protectsFleet ? fleet : []),
    ];
  }

  /** @throws when the ledger cannot be written. */
  add(range: Range, now: number): void {
    this.#ledger.sql('INSERT OR IGNORE INTO never_ban VALUES (?, ?)').run(range, now);
    this.#added = this.#readAdded();
  }

  /** Returns whether it was listed. @throws when the ledger cannot be written. */
  remove(range: Range): boolean {
    const { changes } = this.#ledger.sql('DELETE FROM never_ban WHERE range = ?').run(range);
    this.#added = this.#readAdded();
    return Number(changes) > 0;
  }

  /** A host proved by its key that it comes from this address. */
  see(host: Host, addressText: string, now: number): void {
    const address = parseAddress(addressText);
    if (!address.ok) return;
    const known = this.#seen.get(address.value)?.get(host.id);
    this.#names.set(host.id, host.name);
    if (known !== undefined && now - known < SEEN_SECONDS / 24) return;
    if (known === undefined && this.#countOf(host.id, now) >= MOST_PER_HOST) return;
    this.#note(host.id, address.value, now);
    this.#ledger.sql('INSERT OR REPLACE INTO seen_at VALUES (?, ?, ?)').run(host.id, address.value, now);
  }

  /** A host that is out of the fleet protects nothing any more. */
  forget(host: Host): void {
    for (const hosts of this.#seen.values()) hosts.delete(host.id);
    this.#ledger.sql('DELETE FROM seen_at WHERE host = ?').run(host.id);
  }

  #fleetRule(ip: Address, now: number): string | undefined {
    for (const [hostId, at] of this.#seen.get(ip) ?? []) {
      if (now - at < SEEN_SECONDS)
        return `an address of the fleet's host ${this.#names.get(hostId) ?? hostId}`;
    }
    return undefined;
  }

  #note(hostId: number, address: string, at: number): void {
    const hosts = this.#seen.get(address) ?? new Map<number, number>();
    hosts.set(hostId, at);
    this.#seen.set(address, hosts);
  }

  #countOf(hostId: number, now: number): number {
    let count = 0;
    for (const hosts of this.#seen.values()) {
      const at = hosts.get(hostId);
      if (at !== undefined && now - at < SEEN_SECONDS) count += 1;
    }
    return count;
  }

  #readAdded(): Range[] {
    const rows = this.#ledger.sql('SELECT range FROM never_ban ORDER BY range').all() as Row[];
    return rows.flatMap((row) => {
      const range = parseRange(String(row['range']));
      return range.ok ? [range.value] : [];
    });
  }
}
