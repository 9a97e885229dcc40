import {
  embeddedAddress,
  isRange,
  overlaps,
  parseAddress,
  specialRange,
  type Address,
  type Target,
} from '@banshare/protocol';
import { AddressIndex } from './address-index.ts';
import type { Host } from './host-book.ts';
import type { Row } from './rows.ts';
import type { SqliteLedger } from './sqlite-ledger.ts';

/** An address stays protected for so long after the host was last there, or last told it. */
const KEPT_SECONDS = 86_400;
/** A host that talks from ever new addresses protects only so many; of those that an operator approved as many again. */
const MOST_PER_HOST = 16;
/** What is on disk may be older than what is known by so much. */
const REWRITE_SECONDS = 3600;

/** By what an address counts: the host was seen to come from it, or tells it and an operator approved that. */
const TABLES = ['seen_at', 'approved_at'] as const;
type Table = (typeof TABLES)[number];

/** When an address last was in order, and which such time is on disk; epoch seconds. */
type Standing = { at: number; written: number };

type Known = Record<Table, Map<Address, Standing>> & {
  name: string;
  /** When the host was last heard of. */
  heardAt: number;
  /** Where it last came in, by door, and at the door of which generation that was. */
  doors: Map<string, Address>;
  lastGeneration: string;
};

/**
 * The addresses of the fleet's own hosts. What a host tells of itself counts once it was seen to come from there, or an
 * operator approved it: else a host could keep any attacker in. Nothing here lifts a ban.
 */
export class FleetAddresses {
  readonly #ledger: SqliteLedger;
  readonly #goneAfterSeconds: number;
  readonly #known = new Map<number, Known>();
  readonly #index = new AddressIndex();

  constructor(ledger: SqliteLedger, goneAfterSeconds: number) {
    this.#ledger = ledger;
    this.#goneAfterSeconds = goneAfterSeconds;
    for (const table of TABLES) {
      const kept = ledger
        .sql(`SELECT host, name, last_seen, address, at FROM ${table} JOIN hosts ON hosts.id = host`)
        .all();
      for (const row of kept as Row[]) {
        const at = Number(row['at']);
        const known = this.#of({ id: Number(row['host']), name: String(row['name']) });
        known.heardAt = Math.max(known.heardAt, at, Number(row['last_seen'] ?? 0));
        this.#note(Number(row['host']), table, row['address'] as Address, at).written = at;
      }
    }
  }

  /** The rule for an address, for the one embedded in it, or for the first in a range; now is epoch seconds. */
  ruleFor(target: Target, now: number): string | undefined {
    if (isRange(target)) {
      for (const address of this.#index.near(target)) {
        const rule = overlaps(target, address) ? this.#ruleAt(address, now) : undefined;
        if (rule !== undefined) return rule;
      }
      return undefined;
    }
    const embedded = embeddedAddress(target);
    return this.#ruleAt(target, now) ?? (embedded === undefined ? undefined : this.#ruleAt(embedded, now));
  }

  /** Everything that counts, for people. */
  list(now: number): { range: string; source: string }[] {
    return [...this.#index.all()].flatMap((address) => {
      const rule = this.#ruleAt(address, now);
      return rule === undefined ? [] : [{ range: address, source: rule }];
    });
  }

  /** Where hosts were seen lately. */
  whereHostsAre(now: number): { host: string; address: Address }[] {
    return [...this.#known.values()].flatMap((known) =>
      this.#counting(known, 'seen_at', now).map((address) => ({ host: known.name, address })),
    );
  }

  /** A host proved by its key that it comes from this address to that door; it is written with the next flush. */
  see(host: Host, door: string, addressText: string, now: number): void {
    const address = parseAddress(addressText);
    if (!address.ok) return;
    const known = this.#hear(host, now);
    const counting = this.#counting(known, 'seen_at', now);
    if (!counting.includes(address.value) && counting.length >= MOST_PER_HOST) return;
    this.#note(host.id, 'seen_at', address.value, now);
    known.doors.set(door, address.value);
    known.lastGeneration = generationOf(door);
  }

  /**
   * A host that speaks is still where it last came in, since a connection may hold for weeks: at the doors of the generation
   * that it runs, not of one that it has left. What it still tells goes on counting where it did.
   */
  stays(host: Host, now: number): void {
    const known = this.#hear(host, now);
    const isThere = [...known.doors.keys()].some((door) => generationOf(door) === host.generation);
    const generation = isThere ? host.generation : known.lastGeneration;
    for (const [door, address] of known.doors)
      if (generationOf(door) === generation) this.#note(host.id, 'seen_at', address, now);
    for (const table of TABLES) {
      const counting = new Set(this.#counting(known, table, now));
      for (const address of told(host)) if (counting.has(address)) this.#note(host.id, table, address, now);
    }
  }

  /**
   * An operator says that what a host tells at this moment is its own; returns what counts by that, and what is too much.
   * @throws when the ledger cannot be written.
   */
  approve(host: Host, now: number): { approved: Address[]; tooMany: Address[] } {
    const known = this.#hear(host, now);
    const before = this.#counting(known, 'approved_at', now);
    const room = MOST_PER_HOST - before.length;
    const fresh = told(host).filter((address) => !before.includes(address));
    const approved = [...told(host).filter((address) => before.includes(address)), ...fresh.slice(0, room)];
    this.#ledger.together(() => {
      for (const address of approved) this.#write('approved_at', host.id, address, now);
    });
    for (const address of approved) this.#note(host.id, 'approved_at', address, now).written = now;
    return { approved, tooMany: fresh.slice(room) };
  }

  /** What a host tells and nobody has approved, nor was it seen there: it protects nothing yet. */
  waiting(host: Host, now: number): Address[] {
    if (host.state === 'revoked') return [];
    const known = this.#known.get(host.id);
    const counting = TABLES.flatMap((table) =>
      known === undefined ? [] : this.#counting(known, table, now),
    );
    return told(host).filter((address) => !counting.includes(address));
  }

  /** A host that is out of the fleet protects nothing any more. @throws when the ledger cannot be written. */
  forget(host: Host): void {
    const known = this.#known.get(host.id);
    this.#known.delete(host.id);
    for (const table of TABLES)
      for (const address of known?.[table].keys() ?? []) this.#index.drop(address, host.id);
    for (const table of TABLES) this.#ledger.sql(`DELETE FROM ${table} WHERE host = ?`).run(host.id);
  }

  /** Writes what is known since, and drops what no longer counts. @throws when the ledger cannot be written. */
  flush(now: number): void {
    const fresh: [table: Table, hostId: number, address: Address, standing: Standing][] = [];
    for (const [hostId, known] of this.#known) {
      for (const table of TABLES) {
        for (const [address, standing] of known[table]) {
          if (now - standing.at >= KEPT_SECONDS) this.#drop(hostId, known, table, address);
          else if (standing.at - standing.written >= REWRITE_SECONDS)
            fresh.push([table, hostId, address, standing]);
        }
      }
    }
    this.#ledger.together(() => {
      for (const [table, hostId, address, { at }] of fresh) this.#write(table, hostId, address, at);
      for (const table of TABLES)
        this.#ledger.sql(`DELETE FROM ${table} WHERE at <= ?`).run(now - KEPT_SECONDS);
    });
    for (const [, , , standing] of fresh) standing.written = standing.at;
  }

  #ruleAt(address: Address, now: number): string | undefined {
    for (const id of this.#index.at(address)) {
      const known = this.#known.get(id);
      if (known === undefined) continue;
      if (TABLES.some((table) => this.#counts(known, known[table].get(address), now)))
        return `an address of the fleet's host ${known.name}`;
    }
    return undefined;
  }

  #counting(known: Known, table: Table, now: number): Address[] {
    return [...known[table]].flatMap(([address, standing]) =>
      this.#counts(known, standing, now) ? [address] : [],
    );
  }

  #counts(known: Known, standing: Standing | undefined, now: number): boolean {
    if (standing === undefined || now - known.heardAt > this.#goneAfterSeconds) return false;
    return now - standing.at < KEPT_SECONDS;
  }

  #hear(host: Host, now: number): Known {
    const known = this.#of(host);
    known.name = host.name;
    known.heardAt = now;
    return known;
  }

  #of({ id, name }: Pick<Host, 'id'> & { name: string }): Known {
    const known = this.#known.get(id) ?? {
      name,
      heardAt: -Infinity,
      doors: new Map(),
      lastGeneration: '',
      seen_at: new Map(),
      approved_at: new Map(),
    };
    this.#known.set(id, known);
    return known;
  }

  #note(hostId: number, table: Table, address: Address, at: number): Standing {
    this.#index.add(address, hostId);
    const addresses = this.#known.get(hostId)?.[table];
    const standing = { at, written: addresses?.get(address)?.written ?? 0 };
    addresses?.set(address, standing);
    return standing;
  }

  #drop(hostId: number, known: Known, table: Table, address: Address): void {
    known[table].delete(address);
    if (!TABLES.some((each) => known[each].has(address))) this.#index.drop(address, hostId);
  }

  #write(table: Table, hostId: number, address: Address, at: number): void {
    this.#ledger.sql(`INSERT OR REPLACE INTO ${table} VALUES (?, ?, ?)`).run(hostId, address, at);
  }
}

/** What a host tells of itself, less what is special: that is protected anyway. */
function told(host: Host): Address[] {
  const addresses = host.addresses.slice(0, MOST_PER_HOST).map((text) => parseAddress(text));
  return addresses.flatMap((address) =>
    address.ok && specialRange(address.value) === undefined ? [address.value] : [],
  );
}

/** A door is called `report/GENERATION`. */
function generationOf(door: string): string {
  return door.slice(door.indexOf('/') + 1);
}
