import type { AckRequest, Event, HostName, Receipt } from '@banshare/protocol';
import { freeName } from '../words/hosts/host-names.ts';
import { mayBeInPlace, onlyListens } from './in-place.ts';
import { gistOf, HostRows } from '../ledger/books/host-rows.ts';
import { Instances } from '../words/hosts/instances.ts';
import { Outcomes } from '../ledger/books/outcomes.ts';
import type { Changes } from '../ledger/changes.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type HostState, type Key, type Host, isGone, keysOf } from '../words/hosts/host.ts';

/** What is known of a host that is new. */
const NOTHING_TOLD = {
  next: null,
  rotationAt: null,
  heardAt: null,
  position: null,
  ahead: 0,
  lacking: 0,
  version: null,
  generation: null,
  node: null,
  server: null,
  clockAhead: null,
  ranges: null,
  receipt: null,
  outSince: null,
  mute: null,
  spool: null,
  dropped: null,
} as const;

/** A host that says nothing new is written this rarely. */
const SEEN_SECONDS = 60;
/** No host has more of anything: a number beyond that says nothing, and commands would take no answer that has it. */
const MOST_TOLD = 1_000_000_000;

/**
 * Who belongs to the fleet: in the ledger, and in memory for every request, which follows behind each commit. What changes a host
 * is called within a piece of the ledger's queue, and shows here once that is committed. What hosts tell is here first, and written a
 * little later.
 */
export class HostBook {
  readonly #ledger: Ledger;
  readonly #rows: HostRows;
  readonly #outcomes: Outcomes;
  readonly #byId = new Map<number, Host>();
  readonly #byKey = new Map<string, Host>();
  readonly #byCurve = new Map<string, Host>();
  readonly #changed = new Set<Host>();
  /** What the file has of each host. */
  readonly #written = new Map<number, { gist: string; lastSeen: number }>();
  readonly #listeners = new Set<(host: Host, ack?: AckRequest) => void>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    this.#rows = new HostRows(ledger);
    this.#outcomes = new Outcomes(ledger);
    this.reload();
    ledger.follow({ applied: (changes) => this.#follow(changes) });
  }

  /** Reads every host anew. */
  reload(): void {
    const rows = new Map(this.#rows.all().map((row) => [row.id, row]));
    for (const id of new Set([...this.#byId.keys(), ...rows.keys()])) this.#become(id, rows.get(id));
  }

  byId(id: number): Host | undefined {
    return this.#byId.get(id);
  }

  byKey(key: string): Host | undefined {
    return this.#byKey.get(key);
  }

  byCurve(curve: string): Host | undefined {
    return this.#byCurve.get(curve);
  }

  byName(name: string): Host | undefined {
    return this.all().find((host) => host.name === name);
  }

  /** The host of that name, or else one whose name differs in case only: beside that one nobody may have it. */
  like(name: string): Host | undefined {
    const lower = name.toLowerCase();
    return this.byName(name) ?? this.all().find((host) => host.name.toLowerCase() === lower);
  }

  all(): Host[] {
    return [...this.#byId.values()];
  }

  /** Those that are in the fleet: neither waiting nor shut out. */
  active(): Host[] {
    return this.all().filter(({ state }) => state === 'active');
  }

  /** Those in the fleet that are heard of. */
  present(now: number, goneAfterSeconds: number): Host[] {
    return this.active().filter((host) => !isGone(host, now, goneAfterSeconds));
  }

  /** Those that wait for an operator. */
  pending(): Host[] {
    return this.all().filter(({ state }) => state === 'pending');
  }

  /** Notes that a host said something; it is written with the next flush. */
  hear(host: Host, now: number): void {
    host.lastSeen = now;
    this.#changed.add(host);
  }

  /** Adds a host, and returns it as it will be. A name that another key has gets four hex digits of this key behind it. */
  enrol(
    newcomer: { key: string; curve: string; name: HostName; addresses: readonly string[] },
    state: HostState,
    now: number,
    { token = null, approved = null }: Partial<Pick<Host, 'token' | 'approved'>> = {},
  ): Host {
    const name = freeName(newcomer.name, newcomer.key, (text) => this.like(text) !== undefined);
    const { key, curve, addresses } = newcomer;
    const more = { wanted: newcomer.name, state, addresses, approved, token, lastSeen: now };
    return this.#insert({ key, curve, name, ...more }, now);
  }

  /** Adds a host whose key an operator names, by exactly that name, which nobody else has by then; it has said nothing yet. */
  admit({ key, curve, name }: Key & { name: HostName }, now: number): Host {
    const more = {
      wanted: name,
      state: 'active',
      addresses: [],
      approved: now,
      token: null,
      lastSeen: null,
    } as const;
    return this.#insert({ key, curve, name, ...more }, now);
  }

  #insert(known: Omit<Host, keyof typeof NOTHING_TOLD | 'id' | 'enrolled' | 'instances'>, now: number): Host {
    const own = { id: this.#rows.nextId(), enrolled: now, instances: new Instances() };
    const host: Host = { ...NOTHING_TOLD, ...known, ...own };
    this.#rows.insert(host);
    return host;
  }

  /** Changes what a host may do, what it is called, or by which token it came in. */
  change(
    host: Host,
    to: { state?: HostState; name?: HostName; approved?: number | null; token?: string },
  ): void {
    const { state = host.state, name = host.name, approved = host.approved, token = host.token } = to;
    this.#rows.setAdmission(host.id, { state, name, approved, token });
  }

  /** Sets a host's keys: the one that counts, and the one that shall follow. `rotationAt` is when that was asked for. */
  setKeys(host: Host, to: Key & { next: Key | null; rotationAt: number | null }): void {
    this.#rows.setKeys(host.id, to);
  }

  /** Forgets a host and its keys; what it reported stays told, of nobody. */
  forget(host: Host): void {
    this.#rows.forget(host.id);
  }

  /**
   * Notes how far a host says it is; clockAhead is by how many seconds its clock is ahead of ours. What it tells of single
   * events is on disk when this resolves, since the host then forgets it; the rest follows with the next flush.
   * @throws when the ledger cannot be written.
   */
  async acknowledge(host: Host, ack: AckRequest, clockAhead: number, now: number): Promise<void> {
    host.lastSeen = now;
    const head = this.#ledger.head();
    const ahead = ack.epoch === head.epoch ? Math.max(0, ack.applied - head.seq) : 0;
    host.ahead = Math.min(ahead, MOST_TOLD);
    host.lacking = Math.min(ack.lacking ?? 0, MOST_TOLD);
    // What it has of another history says nothing of this one's events.
    host.position = { epoch: ack.epoch, applied: host.ahead > 0 ? 0 : ack.applied };
    host.version = ack.version;
    host.generation = ack.generation;
    host.node = ack.node ?? null;
    host.server = ack.server ?? null;
    host.clockAhead = clockAhead;
    host.ranges = ack.ranges ?? false;
    host.addresses = ack.addresses;
    host.receipt = ack.receipt ?? null;
    host.spool = ack.spool ?? null;
    // It says so once a minute, and acknowledges every few seconds.
    if (ack.dropped !== undefined) host.dropped = toldAt(ack.dropped, now);
    host.outSince = isOut(host.receipt) ? (host.outSince ?? now) : null;
    host.instances.hear(ack.instance, now);
    this.#changed.add(host);
    await this.#outcomes.write(host.id, ack, now);
    for (const listen of this.#listeners) listen(host, ack);
  }

  /**
   * Calls a listener after each acknowledgement, also, without that, once another server has written one, until the returned function
   * is called.
   */
  onAcknowledged(listen: (host: Host, ack?: AckRequest) => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }

  /**
   * Writes what acknowledgements changed; a crash before it costs nothing, the hosts tell it again. When a host was last heard of
   * is written with it, or once a minute; `everything` writes that too. @throws when the ledger cannot be written.
   */
  async flush({ everything = false } = {}): Promise<void> {
    const changed = [...this.#changed].filter((host) => everything || this.#isNews(host));
    this.#changed.clear();
    if (changed.length === 0) return;
    try {
      const written = await this.#ledger.write(() =>
        changed
          .filter((host) => this.#byId.get(host.id) === host)
          .map((host) => {
            this.#rows.writeTold(host);
            return { id: host.id, gist: gistOf(host), lastSeen: host.lastSeen ?? 0 };
          }),
      );
      for (const { id, ...what } of written) this.#written.set(id, what);
    } catch (error) {
      for (const host of changed) if (this.#byId.get(host.id) === host) this.#changed.add(host);
      throw error;
    }
  }

  /** Has a host count no more until a time, or again. */
  mute(host: Host, mute: Host['mute']): void {
    this.#rows.setMute(host.id, mute);
  }

  #isNews(host: Host): boolean {
    const written = this.#written.get(host.id);
    if (written === undefined || (host.lastSeen ?? 0) - written.lastSeen >= SEEN_SECONDS) return true;
    return gistOf(host) !== written.gist;
  }

  /** What each host has told of an event, by host id. */
  outcomesOf(seq: number): ReturnType<Outcomes['of']> {
    return this.#outcomes.of(seq);
  }

  /** When a host first said that it has everything up to an event, epoch seconds; undefined where that is no longer kept. */
  reachedAt(host: Host, event: Pick<Event, 'seq' | 'at'>, now: number): number | undefined {
    return this.#rows.reachedAt(host.id, event, now);
  }

  #follow({ isAll, isForeign, hosts, told }: Changes): void {
    if (isAll) return this.reload();
    // What this server wrote of what hosts tell it has from here.
    for (const id of isForeign ? new Set([...hosts, ...told]) : hosts) this.#become(id, this.#rows.get(id));
    if (!isForeign) return;
    for (const id of told) {
      const host = this.#byId.get(id);
      if (host !== undefined) for (const listen of this.#listeners) listen(host);
    }
  }

  /** Has a host be as its row is; whoever holds it sees that too. */
  #become(id: number, row: Host | undefined): void {
    const known = this.#byId.get(id);
    if (known !== undefined) this.#drop(known);
    if (row === undefined) {
      this.#byId.delete(id);
      this.#written.delete(id);
      if (known !== undefined) this.#changed.delete(known);
      return;
    }
    this.#written.set(id, { gist: gistOf(row), lastSeen: row.lastSeen ?? 0 });
    const host = known === undefined ? row : merge(known, row);
    this.#byId.set(id, host);
    this.#remember(host);
  }

  #drop(host: Host): void {
    for (const { key, curve } of keysOf(host)) {
      this.#byKey.delete(key);
      this.#byCurve.delete(curve);
    }
  }

  #remember(host: Host): void {
    for (const { key, curve } of keysOf(host)) {
      this.#byKey.set(key, host);
      this.#byCurve.set(curve, host);
    }
  }
}

/** What a host told this server since its row was written, and what only this server knows of it, stays. */
function merge(known: Host, row: Host): Host {
  const { heardAt, dropped, instances } = known;
  const { lastSeen, position, version, generation, server, clockAhead, ranges, addresses, receipt } = known;
  const { outSince, node, ahead, lacking, spool } = known;
  const where = { lastSeen, position, version, generation, node, server, ahead, lacking, spool };
  const told = { ...where, clockAhead, ranges, addresses, receipt, outSince };
  const isOlder = (row.lastSeen ?? 0) < (known.lastSeen ?? 0);
  return Object.assign(known, row, { heardAt, dropped, instances }, isOlder ? told : {});
}

function toldAt(what: NonNullable<AckRequest['dropped']>, now: number): Host['dropped'] {
  return { what, readAt: now - ('ago' in what ? what.ago : 0) };
}

function isOut(receipt: Receipt | null): boolean {
  return receipt !== null && !onlyListens(receipt) && !mayBeInPlace(receipt);
}
