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
import { WhereFrom } from './where-from.ts';
import { ADDRESS_TABLES, AddressRows, type AddressTable } from '../ledger/books/addresses.ts';
import type { Changes } from '../ledger/changes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { TokenBucket } from '../words/token-bucket.ts';
import type { Host } from '../words/hosts/host.ts';

/** An address counts for so long after the host last spoke from there, since an uplink may flap; an approved one, after it was last told. */
const KEPT_SECONDS = 86_400;
/** A host that speaks from ever new addresses protects only the last so many. */
const MOST_SEEN = 4;
/** And so many of those that it tells and an operator approved. */
const MOST_APPROVED = 16;
/** Whoever has the join key may have just come in: where a host comes from protects once it is in for so long, or approved. */
const YOUNG_SECONDS = 86_400;
/** How often it is noted that a host speaks from where it did. */
const NOTE_SECONDS = 30;
/** What is on disk may be older than what is known by so much. */
const REWRITE_SECONDS = 3600;

/** When an address last was in order, and which such time is on disk; epoch seconds. */
type Standing = { at: number; written: number };

type Known = Record<AddressTable, Map<Address, Standing>> & {
  name: string;
  /** From when on it protects where it speaks from. */
  trustedFrom: number;
  /** When the host was last heard of. */
  heardAt: number;
};

type WhoAndSince = { id: number; name: string; enrolled: number; approved: number | null };

/** A host of the fleet at one of its addresses. */
export type HostAt = { host: string; address: Address };

/**
 * The addresses of the fleet's own hosts. What a host tells of itself counts once an operator approved it, and where it speaks
 * from once the host is approved or a day old: else a host could keep any attacker in. Nothing here lifts a ban.
 */
export class FleetAddresses {
  readonly #ledger: Ledger;
  readonly #rows: AddressRows;
  readonly #goneAfterSeconds: number;
  readonly #known = new Map<number, Known>();
  readonly #index = new AddressIndex();
  readonly #whereFrom = new WhereFrom();
  /** How often each host's new addresses are told at once. */
  readonly #tellings = new Map<number, TokenBucket>();
  /** Addresses on disk that were beyond what a host may have; the next flush removes them. */
  #left: [hostId: number, address: Address][] = [];

  constructor(ledger: Ledger, goneAfterSeconds: number) {
    this.#ledger = ledger;
    this.#rows = new AddressRows(ledger);
    this.#goneAfterSeconds = goneAfterSeconds;
    for (const table of ADDRESS_TABLES) {
      for (const { host, lastSeen, address, at } of this.#rows.all(table)) {
        const known = this.#of(host);
        known.heardAt = Math.max(known.heardAt, at, lastSeen);
        this.#note(host.id, known, table, address, at).written = at;
      }
    }
    for (const [id, known] of this.#known) this.#keepNewest(id, known);
    ledger.follow({ applied: (changes) => this.#follow(changes) });
  }

  /** The rule for an address, for the one embedded in it, or for the first in a range; now is epoch seconds. */
  ruleFor(target: Target, now: number): string | undefined {
    for (const { known, address } of this.#at(target))
      if (this.#protects(known, address, now)) return ruleOf(known.name);
    return undefined;
  }

  /**
   * A host that comes from there and is too young to protect it; undefined where an older one does, or none is there. What such a
   * host could keep in is no reason to let it be banned: it may be a new host of ours.
   */
  newcomerAt(target: Target, now: number): HostAt | undefined {
    let newcomer: HostAt | undefined;
    for (const { known, address } of this.#at(target)) {
      if (this.#protects(known, address, now)) return undefined;
      if (this.#counts(known, known.seen_at.get(address), now)) newcomer ??= { host: known.name, address };
    }
    return newcomer;
  }

  /** The hosts that a ban hits, whether they protect their address or not. */
  hostsAt(target: Target, now: number): HostAt[] {
    return [...this.#at(target)].flatMap(({ known, address }) =>
      ADDRESS_TABLES.some((table) => this.#counts(known, known[table].get(address), now))
        ? [{ host: known.name, address }]
        : [],
    );
  }

  /** Everything that counts, for people. */
  list(now: number): { range: string; source: string }[] {
    return [...this.#index.all()].flatMap((address) => {
      const rule = this.ruleFor(address, now);
      if (rule !== undefined) return [{ range: address, source: rule }];
      const newcomer = this.newcomerAt(address, now);
      if (newcomer === undefined) return [];
      return [{ range: address, source: `not protected, and bans are held: ${sayNewcomer(newcomer)}` }];
    });
  }

  /** Where hosts were lately. */
  whereHostsAre(now: number): HostAt[] {
    return [...this.#known.values()].flatMap((known) =>
      this.#counting(known, 'seen_at', now).map((address) => ({ host: known.name, address })),
    );
  }

  /** Where hosts were lately that are too young to protect it. */
  newcomers(now: number): HostAt[] {
    return [...this.#known.values()]
      .filter((known) => now < known.trustedFrom)
      .flatMap((known) =>
        this.#counting(known, 'seen_at', now).map((address) => ({ host: known.name, address })),
      );
  }

  /** A host's key came in from this address; that counts once the host says something signed. */
  arrived(host: Host, addressText: string, now: number): void {
    const address = parseAddress(addressText);
    if (address.ok) this.#whereFrom.arrived(host.id, address.value, now);
  }

  /** A host said something signed over a connection; where it was is written with the next flush. */
  spoke(host: Host, connection: string, now: number): void {
    const known = this.#hear(host, now);
    const address = this.#whereFrom.spoke(host.id, connection, now);
    if (address === undefined) return;
    const before = known.seen_at.get(address);
    if (now - (before?.at ?? -Infinity) < NOTE_SECONDS) return;
    this.#note(host.id, known, 'seen_at', address, now);
    this.#keepNewest(host.id, known);
    if (before === undefined && this.#ledger.isShared && this.#mayTell(host.id, now))
      this.#tellOthers(host.id, address, now);
  }

  /** A host that speaks in turns from more addresses than are kept would else make an entry of the shared log with each word. */
  #mayTell(hostId: number, now: number): boolean {
    const bucket = this.#tellings.get(hostId) ?? new TokenBucket(MOST_SEEN, MOST_SEEN, now);
    this.#tellings.set(hostId, bucket);
    return bucket.take(now);
  }

  /** Another server may be asked to ban it before the next flush, which writes it where that fails now. */
  #tellOthers(hostId: number, address: Address, now: number): void {
    this.#ledger
      .write(() => {
        if (this.#known.get(hostId)?.seen_at.has(address) === true)
          this.#rows.put('seen_at', hostId, address, now);
      })
      .catch(() => undefined);
  }

  /** What a host still tells, and an operator approved, goes on counting. */
  tells(host: Host, now: number): void {
    const known = this.#hear(host, now);
    const counting = new Set(this.#counting(known, 'approved_at', now));
    for (const address of told(host))
      if (counting.has(address)) this.#note(host.id, known, 'approved_at', address, now);
  }

  /**
   * An operator says that these addresses are a host's own. Exactly those, of what it tells now: it may have told others since he
   * looked. Returns what counts by that, and what is too much; undefined, and nothing is done, where it tells others. Called within a
   * piece of the ledger's queue.
   */
  approve(
    host: Host,
    addresses: readonly string[],
    now: number,
  ): { approved: Address[]; tooMany: Address[] } | undefined {
    if (addresses.some((address) => !host.addresses.includes(address))) return undefined;
    const chosen = told(host).filter((address) => addresses.includes(address));
    const known = this.#known.get(host.id);
    const before = known === undefined ? [] : this.#counting(known, 'approved_at', now);
    const room = MOST_APPROVED - before.length;
    const fresh = chosen.filter((address) => !before.includes(address));
    const approved = [...chosen.filter((address) => before.includes(address)), ...fresh.slice(0, room)];
    for (const address of approved) this.#rows.put('approved_at', host.id, address, now);
    return { approved, tooMany: fresh.slice(room) };
  }

  /** Takes back what an operator approved: of one host, or of all; within a piece of the ledger's queue. Returns what counted until now. */
  disapprove(which: { hostId?: number; address?: Address }): HostAt[] {
    const taken = [...this.#known].flatMap(([hostId, known]) =>
      which.hostId === undefined || which.hostId === hostId
        ? [...known.approved_at.keys()]
            .filter((address) => which.address === undefined || which.address === address)
            .map((address) => ({ hostId, known, address }))
        : [],
    );
    for (const { hostId, address } of taken) this.#rows.remove('approved_at', hostId, address);
    return taken.map(({ known, address }) => ({ host: known.name, address }));
  }

  /** What a host tells and nobody has approved, nor was it seen there: it protects nothing yet. */
  waiting(host: Host, now: number): Address[] {
    if (host.state === 'revoked') return [];
    const known = this.#known.get(host.id);
    const counting = ADDRESS_TABLES.flatMap((table) =>
      known === undefined ? [] : this.#counting(known, table, now),
    );
    return told(host).filter((address) => !counting.includes(address));
  }

  /** A host that is shut out protects nothing any more; within the piece of the ledger's queue that shuts it out. */
  forget(host: Host): void {
    this.#rows.removeHost(host.id);
  }

  /** Writes what is known since, and drops what no longer counts. @throws when the ledger cannot be written. */
  async flush(now: number): Promise<void> {
    for (const [hostId, known] of this.#known)
      for (const table of ADDRESS_TABLES)
        for (const [address, { at }] of known[table])
          if (now - at >= KEPT_SECONDS) this.#drop(hostId, known, table, address);
    const left = this.#left;
    await this.#ledger.write(() => {
      for (const [hostId, address] of left) this.#rows.remove('seen_at', hostId, address);
      for (const [hostId, known] of this.#known)
        for (const table of ADDRESS_TABLES)
          for (const [address, standing] of known[table])
            if (isToWrite(standing, now)) this.#rows.put(table, hostId, address, standing.at);
      this.#rows.forgetUpto(now - KEPT_SECONDS);
    });
    this.#left = this.#left.slice(left.length);
  }

  #follow({ isAll, hosts, addresses }: Changes): void {
    const kept = isAll
      ? ADDRESS_TABLES.flatMap((table) => this.#rows.all(table).map(({ host }) => host.id))
      : [];
    const ids = isAll ? [...this.#known.keys(), ...kept] : [...hosts, ...addresses];
    for (const id of new Set(ids)) this.#become(id);
  }

  /** Has a host be as its rows are. Where it was seen since then stays: that is not written yet. */
  #become(id: number): void {
    const host = this.#rows.host(id);
    if (host === undefined) return this.#leave(id);
    const rows = ADDRESS_TABLES.map((table) => [table, this.#rows.of(table, id)] as const);
    if (!this.#known.has(id) && rows.every(([, kept]) => kept.length === 0)) return;
    const known = this.#of(host);
    known.heardAt = Math.max(known.heardAt, host.lastSeen);
    for (const [table, kept] of rows) {
      const before = known[table];
      const isSince = ({ at, written }: Standing): boolean => table === 'seen_at' && at > written;
      const now = new Map([...before].filter(([, standing]) => isSince(standing)));
      for (const { address, at } of kept) {
        known.heardAt = Math.max(known.heardAt, at);
        now.set(address, { at: Math.max(at, before.get(address)?.at ?? 0), written: at });
      }
      for (const address of before.keys()) if (!now.has(address)) this.#drop(id, known, table, address);
      for (const address of now.keys()) this.#index.add(address, id);
      known[table] = new Map([...now].toSorted(([, one], [, other]) => one.at - other.at));
    }
    this.#keepNewest(id, known);
  }

  #leave(id: number): void {
    const known = this.#known.get(id);
    this.#known.delete(id);
    this.#tellings.delete(id);
    this.#whereFrom.forget(id);
    for (const table of ADDRESS_TABLES)
      for (const address of known?.[table].keys() ?? []) this.#index.drop(address, id);
  }

  /** The hosts at an address, at the one embedded in it, or in a range, and where exactly. */
  *#at(target: Target): Iterable<{ known: Known; address: Address }> {
    const embedded = isRange(target) ? undefined : embeddedAddress(target);
    const addresses = isRange(target)
      ? [...this.#index.near(target)].filter((address) => overlaps(target, address))
      : [target, ...(embedded === undefined ? [] : [embedded])];
    for (const address of addresses) {
      for (const id of this.#index.at(address)) {
        const known = this.#known.get(id);
        if (known !== undefined) yield { known, address };
      }
    }
  }

  #protects(known: Known, address: Address, now: number): boolean {
    if (this.#counts(known, known.approved_at.get(address), now)) return true;
    return now >= known.trustedFrom && this.#counts(known, known.seen_at.get(address), now);
  }

  #counting(known: Known, table: AddressTable, now: number): Address[] {
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
    known.heardAt = now;
    return known;
  }

  #of({ id, name, enrolled, approved }: WhoAndSince): Known {
    const known = this.#known.get(id) ?? {
      name,
      trustedFrom: 0,
      heardAt: -Infinity,
      seen_at: new Map(),
      approved_at: new Map(),
    };
    known.name = name;
    known.trustedFrom = approved ?? enrolled + YOUNG_SECONDS;
    this.#known.set(id, known);
    return known;
  }

  #note(hostId: number, known: Known, table: AddressTable, address: Address, at: number): Standing {
    this.#index.add(address, hostId);
    const standing = { at, written: known[table].get(address)?.written ?? 0 };
    // Behind all others: the map goes from the oldest to the newest.
    known[table].delete(address);
    known[table].set(address, standing);
    return standing;
  }

  #keepNewest(hostId: number, known: Known): void {
    for (const [address, { written }] of known.seen_at) {
      if (known.seen_at.size <= MOST_SEEN) return;
      this.#drop(hostId, known, 'seen_at', address);
      if (written > 0) this.#left.push([hostId, address]);
    }
  }

  #drop(hostId: number, known: Known, table: AddressTable, address: Address): void {
    known[table].delete(address);
    if (!ADDRESS_TABLES.some((each) => known[each].has(address))) this.#index.drop(address, hostId);
  }
}

/** What is known and not on disk, or so old there that it would be removed. */
function isToWrite({ at, written }: Standing, now: number): boolean {
  if (at - written >= REWRITE_SECONDS) return true;
  return at > written && now - written >= KEPT_SECONDS - REWRITE_SECONDS;
}

/** What a host tells of itself, less what is special: that is protected anyway. */
function told(host: Host): Address[] {
  const addresses = host.addresses.slice(0, MOST_APPROVED).map((text) => parseAddress(text));
  return addresses.flatMap((address) =>
    address.ok && specialRange(address.value) === undefined ? [address.value] : [],
  );
}

/** That an address is a host's, in words. */
function ruleOf(name: string): string {
  return `an address of the fleet's host ${name}`;
}

/** That a host is too young to protect where it comes from, in words, with what to do. */
export function sayNewcomer({ host, address }: HostAt): string {
  return `${address} is where ${host} comes from, which is in the fleet for less than a day: hosts approve ${host} protects it`;
}
