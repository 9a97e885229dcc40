import {
  isRange,
  overlaps,
  parseAddress,
  parseRange,
  type Address,
  type Range,
  type Target,
} from '@banshare/protocol';
import { blockOf } from './blocks.ts';
import type { Host } from './host-book.ts';
import type { OwnAddresses } from './own-addresses.ts';
import type { Row } from './rows.ts';
import type { SqliteLedger } from './sqlite-ledger.ts';

/** An address of the fleet stays protected for so long after the host was last seen at it. */
const SEEN_SECONDS = 86_400;
/** A host that talks from ever new addresses protects only so many. */
const MOST_PER_HOST = 16;
/** What is on disk may be older than what is known by so much. */
const REWRITE_SECONDS = 3600;

/** When a host was last at an address, and which such time is on disk; epoch seconds. */
type Sighting = { at: number; written: number };

/**
 * What is never banned beside the special ranges: what the administrator lists, in server.toml or by command, where hosts reach
 * this server, and where the fleet's own hosts are seen to come from.
 */
export class NeverBan {
  readonly #ledger: SqliteLedger;
  readonly #configured: readonly Range[];
  readonly #protectsFleet: boolean;
  readonly #own: Pick<OwnAddresses, 'ruleFor' | 'list'>;
  #added: readonly Range[];
  /** The fleet's addresses, and which hosts were seen there. */
  readonly #seen = new Map<string, Map<number, Sighting>>();
  /** Where there are any of them in a /64: of a range that is no wider, the others need not be asked. */
  readonly #seenIn = new Map<string, Set<Address>>();
  readonly #names = new Map<number, string>();
  /** Where each host last came in, by door. */
  readonly #doors = new Map<number, Map<string, Address>>();

  constructor(
    ledger: SqliteLedger,
    settings: { addresses: readonly Range[]; fleet: boolean },
    own: Pick<OwnAddresses, 'ruleFor' | 'list'>,
  ) {
    this.#ledger = ledger;
    this.#own = own;
    this.#configured = settings.addresses;
    this.#protectsFleet = settings.fleet;
    this.#added = this.#readAdded();
    const kept = ledger
      .sql('SELECT host, name, address, at FROM seen_at JOIN hosts ON hosts.id = host')
      .all();
    for (const row of kept as Row[]) {
      const at = Number(row['at']);
      this.#names.set(Number(row['host']), String(row['name']));
      this.#note(Number(row['host']), String(row['address']) as Address, at).written = at;
    }
  }

  /** The rule that protects an address, or one in a range, in words; undefined where none does. now is epoch seconds. */
  ruleFor(ip: Target, now: number): string | undefined {
    const configured = this.#configured.find((range) => overlaps(ip, range));
    if (configured !== undefined) return `${configured} of [never-ban] in server.toml`;
    const added = this.#added.find((range) => overlaps(ip, range));
    if (added !== undefined) return `${added} of banshare-server never-ban`;
    const own = this.#own.ruleFor(ip);
    if (own !== undefined || !this.#protectsFleet) return own;
    return isRange(ip) ? this.#fleetRuleWithin(ip, now) : this.#fleetRule(ip, now);
  }

  /** Where hosts were seen lately, whether that protects them or not. */
  whereHostsAre(now: number): { host: string; address: Address }[] {
    return [...this.#seen].flatMap(([address, hosts]) =>
      [...hosts]
        .filter(([, { at }]) => now - at < SEEN_SECONDS)
        .map(([id]) => ({ host: this.#names.get(id) ?? String(id), address: address as Address })),
    );
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
      ...this.#own.list(),
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

  /** A host proved by its key that it comes from this address to that door; it is written with the next flush. */
  see(host: Host, door: string, addressText: string, now: number): void {
    const address = parseAddress(addressText);
    if (!address.ok) return;
    this.#names.set(host.id, host.name);
    const known = this.#seen.get(address.value)?.get(host.id);
    const isNew = known === undefined || now - known.at >= SEEN_SECONDS;
    if (isNew && this.#countOf(host.id, now) >= MOST_PER_HOST) return;
    this.#note(host.id, address.value, now);
    const doors = this.#doors.get(host.id) ?? new Map<string, Address>();
    this.#doors.set(host.id, doors.set(door, address.value));
  }

  /** A host that speaks is still where it last came in: a connection may hold for weeks. */
  stays(host: Host, now: number): void {
    for (const address of this.#doors.get(host.id)?.values() ?? []) this.#note(host.id, address, now);
  }

  /** A host that is out of the fleet protects nothing any more. @throws when the ledger cannot be written. */
  forget(host: Host): void {
    for (const hosts of this.#seen.values()) hosts.delete(host.id);
    this.#doors.delete(host.id);
    this.#ledger.sql('DELETE FROM seen_at WHERE host = ?').run(host.id);
  }

  /** Writes where hosts were seen since, and drops what no longer counts. @throws when the ledger cannot be written. */
  flush(now: number): void {
    const fresh: [hostId: number, address: string, sighting: Sighting][] = [];
    for (const [address, hosts] of this.#seen) {
      for (const [hostId, sighting] of hosts) {
        if (now - sighting.at >= SEEN_SECONDS) hosts.delete(hostId);
        else if (sighting.at - sighting.written >= REWRITE_SECONDS) fresh.push([hostId, address, sighting]);
      }
      if (hosts.size === 0) this.#unsee(address as Address);
    }
    this.#ledger.together(() => {
      for (const [hostId, address, { at }] of fresh)
        this.#ledger.sql('INSERT OR REPLACE INTO seen_at VALUES (?, ?, ?)').run(hostId, address, at);
      this.#ledger.sql('DELETE FROM seen_at WHERE at <= ?').run(now - SEEN_SECONDS);
    });
    for (const [, , sighting] of fresh) sighting.written = sighting.at;
  }

  #fleetRuleWithin(range: Range, now: number): string | undefined {
    const block = blockOf(range);
    const near = block === null ? (this.#seen.keys() as Iterable<Address>) : (this.#seenIn.get(block) ?? []);
    for (const address of near) {
      const rule = overlaps(range, address) ? this.#fleetRule(address, now) : undefined;
      if (rule !== undefined) return rule;
    }
    return undefined;
  }

  #fleetRule(ip: Address, now: number): string | undefined {
    for (const [hostId, { at }] of this.#seen.get(ip) ?? []) {
      if (now - at < SEEN_SECONDS)
        return `an address of the fleet's host ${this.#names.get(hostId) ?? hostId}`;
    }
    return undefined;
  }

  #note(hostId: number, address: Address, at: number): Sighting {
    const hosts = this.#seen.get(address) ?? new Map<number, Sighting>();
    if (hosts.size === 0) this.#remember(address, hosts);
    const sighting = { at, written: hosts.get(hostId)?.written ?? 0 };
    hosts.set(hostId, sighting);
    return sighting;
  }

  #remember(address: Address, hosts: Map<number, Sighting>): void {
    this.#seen.set(address, hosts);
    const block = blockOf(address);
    if (block === null) return;
    const near = this.#seenIn.get(block) ?? new Set();
    this.#seenIn.set(block, near.add(address));
  }

  #unsee(address: Address): void {
    this.#seen.delete(address);
    const block = blockOf(address);
    if (block === null) return;
    const near = this.#seenIn.get(block);
    near?.delete(address);
    if (near?.size === 0) this.#seenIn.delete(block);
  }

  #countOf(hostId: number, now: number): number {
    let count = 0;
    for (const hosts of this.#seen.values()) {
      const sighting = hosts.get(hostId);
      if (sighting !== undefined && now - sighting.at < SEEN_SECONDS) count += 1;
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
