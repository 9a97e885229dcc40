import { overlaps, specialRange, type Address, type Range, type Target } from '@banshare/protocol';
import { FleetAddresses, sayNewcomer, type HostAt } from './fleet-addresses.ts';
import type { OwnAddresses } from './server-addresses.ts';
import { NeverBanRows, type AddedRange } from '../ledger/books/addresses.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Host } from '../words/hosts/host.ts';

/**
 * What is never banned beside the special ranges: what the administrator lists, in server.toml or by command, where hosts reach
 * this server, and the addresses of the fleet's own hosts.
 */
export class NeverBan {
  readonly #rows: NeverBanRows;
  #configured: readonly Range[];
  #protectsFleet: boolean;
  readonly #own: Pick<OwnAddresses, 'ruleFor' | 'list'>;
  #added: readonly AddedRange[];
  readonly #fleet: FleetAddresses;

  constructor(
    ledger: Ledger,
    settings: { addresses: readonly Range[]; fleet: boolean; goneAfterSeconds?: number },
    own: Pick<OwnAddresses, 'ruleFor' | 'list'>,
  ) {
    this.#rows = new NeverBanRows(ledger);
    this.#own = own;
    this.#configured = settings.addresses;
    this.#protectsFleet = settings.fleet;
    this.#added = this.#rows.all();
    this.#fleet = new FleetAddresses(ledger, settings.goneAfterSeconds ?? Infinity);
    ledger.follow({
      applied: ({ isAll, neverBan }) => {
        if (isAll || neverBan) this.#added = this.#rows.all();
      },
    });
  }

  /** server.toml says otherwise from now on. */
  configure({ addresses, fleet }: { addresses: readonly Range[]; fleet: boolean }): void {
    this.#configured = addresses;
    this.#protectsFleet = fleet;
  }

  /** The rule that protects an address, or one in a range, in words; undefined where none does. now is epoch seconds. */
  ruleFor(ip: Target, now: number): string | undefined {
    const listed = this.listedRuleFor(ip);
    if (listed !== undefined || !this.#protectsFleet) return listed;
    return this.#fleet.ruleFor(ip, now);
  }

  /** The same, but for where the fleet's hosts are: an operator may ban one of those. */
  listedRuleFor(ip: Target): string | undefined {
    const configured = this.#configured.find((range) => overlaps(ip, range));
    if (configured !== undefined) return `${configured} of [never-ban] in server.toml`;
    const added = this.#added.find(({ range }) => overlaps(ip, range));
    if (added !== undefined) return `${added.range} of banshare-server never-ban`;
    return this.#own.ruleFor(ip);
  }

  /** Why a ban is held that nothing forbids: a host comes from there that is new; undefined where none does. */
  newcomerAt(ip: Target, now: number): string | undefined {
    const newcomer = this.#protectsFleet ? this.#fleet.newcomerAt(ip, now) : undefined;
    return newcomer === undefined ? undefined : sayNewcomer(newcomer);
  }

  /** Whether no ban comes of a report by itself, whatever the reason. */
  keeps(ip: Target, now: number): boolean {
    return (
      specialRange(ip) !== undefined ||
      this.ruleFor(ip, now) !== undefined ||
      this.newcomerAt(ip, now) !== undefined
    );
  }

  /** The hosts of the fleet that a ban hits. */
  hostsAt(ip: Target, now: number): HostAt[] {
    return this.#fleet.hostsAt(ip, now);
  }

  /** Where hosts were lately that are too young to protect it. */
  newcomers(now: number): HostAt[] {
    return this.#protectsFleet ? this.#fleet.newcomers(now) : [];
  }

  /** Where hosts were seen lately, whether that protects them or not. */
  whereHostsAre(now: number): HostAt[] {
    return this.#fleet.whereHostsAre(now);
  }

  /** Where a host speaks from, which protects that; nothing that is special, or where it does not. */
  comesFrom(host: Host, now: number): Address[] {
    if (!this.#protectsFleet) return [];
    const mine = this.#fleet.whereHostsAre(now).filter((each) => each.host === host.name);
    return mine.flatMap(({ address }) =>
      specialRange(address) === undefined && this.#fleet.ruleFor(address, now) !== undefined ? [address] : [],
    );
  }

  /** What a host tells of itself and what does not count yet: an operator approves it, or the host speaks from there. */
  waiting(host: Host, now: number): Address[] {
    return this.#protectsFleet ? this.#fleet.waiting(host, now) : [];
  }

  /** What is listed, less where hosts are; one address as a ban of it is written. */
  listed(): Target[] {
    const own = this.#own.list().map(({ range }) => range);
    return [...this.#configured, ...this.#added.map(({ range }) => range), ...own].map(
      (range) => range.replace(range.includes(':') ? /\/128$/ : /\/32$/, '') as Target,
    );
  }

  /** Everything that is listed, for people; what was added with until when, a note, and by whom. */
  list(now: number): ({ range: string; source: string } & Partial<Omit<AddedRange, 'range'>>)[] {
    return [
      ...this.#configured.map((range) => ({ range, source: 'server.toml' })),
      ...this.#added.map((added) => ({ ...added, source: 'added' })),
      ...this.#own.list(),
      ...(this.#protectsFleet ? this.#fleet.list(now) : []),
    ];
  }

  /** Adds a range within a piece of the ledger's queue; it counts once that is committed. */
  add(added: AddedRange, now: number): void {
    this.#rows.add(added, now);
  }

  /** What was added until a time that has come. */
  over(now: number): Range[] {
    return this.#added.flatMap(({ range, until }) => (until !== null && until <= now ? [range] : []));
  }

  /** Removes a range within a piece of the ledger's queue; returns whether it was listed. */
  remove(range: Range): boolean {
    return this.#rows.remove(range);
  }

  /** A host's key came in from this address. */
  arrived(host: Host, address: string, now: number): void {
    this.#fleet.arrived(host, address, now);
  }

  /** A host said something signed over a connection, which is named as the port does. */
  spoke(host: Host, connection: string, now: number): void {
    this.#fleet.spoke(host, connection, now);
  }

  /** A host has told its addresses. */
  tells(host: Host, now: number): void {
    this.#fleet.tells(host, now);
  }

  /** An operator approves these addresses of what a host tells now; undefined where it tells others. Within a piece of the ledger's queue. */
  approve(
    host: Host,
    addresses: readonly string[],
    now: number,
  ): { approved: Address[]; tooMany: Address[] } | undefined {
    return this.#fleet.approve(host, addresses, now);
  }

  /** Takes back what an operator approved, of one host or of all. Within a piece of the ledger's queue. */
  disapprove(which: { hostId?: number; address?: Address }): HostAt[] {
    return this.#fleet.disapprove(which);
  }

  /** A host that is shut out protects nothing any more. Within the piece of the ledger's queue that shuts it out. */
  forget(host: Host): void {
    this.#fleet.forget(host);
  }

  /** Writes where hosts were since, and drops what no longer counts. @throws when the ledger cannot be written. */
  flush(now: number): Promise<void> {
    return this.#fleet.flush(now);
  }
}
