import { promises as dns } from 'node:dns';
import {
  embeddedAddress,
  isRange,
  overlaps,
  parseAddress,
  specialRange,
  type Address,
  type Target,
} from '@banshare/protocol';
import { machineAddresses, monotonicSeconds } from '@banshare/runtime';

const INTERFACES_SECONDS = 5;
const NAMES_SECONDS = 60;
const RULE = "the server's own address";

/**
 * Where hosts reach this server: the addresses of its machine, and what the `server` of each generation in service stands for.
 * A host that bans one of them is deaf, and cannot hear that the ban was lifted. Names are looked up beside all else; while no
 * resolver answers, what it said last counts.
 */
export class OwnAddresses {
  readonly #servers: () => readonly string[];
  readonly #resolve: (name: string) => Promise<readonly string[]>;
  readonly #resolved = new Map<string, readonly string[]>();
  #addresses: ReadonlySet<Address> = new Set();
  #readAt = -Infinity;

  /** @param servers the names and addresses by which hosts know this server, of the generations in service at that moment. */
  constructor(servers: () => readonly string[], resolve = resolveAll) {
    this.#servers = servers;
    this.#resolve = resolve;
  }

  /** Looks names up now and again each minute; returns how to stop. */
  start(): () => void {
    void this.lookUp();
    const timer = setInterval(() => void this.lookUp(), NAMES_SECONDS * 1000);
    return () => clearInterval(timer);
  }

  /** Asks the resolver for every name. */
  async lookUp(): Promise<void> {
    const names = this.#servers().filter((server) => !parseAddress(server).ok);
    for (const known of this.#resolved.keys()) if (!names.includes(known)) this.#resolved.delete(known);
    const look = async (name: string): Promise<void> => {
      try {
        this.#resolved.set(name, await this.#resolve(name));
      } catch {
        // What was known of it still counts.
      }
    };
    await Promise.all(names.map(look));
    this.#readAt = -Infinity;
  }

  /** The rule for an address of this server, for one that embeds it, or for a range that covers one. */
  ruleFor(target: Target): string | undefined {
    const addresses = this.#fresh();
    if (isRange(target)) {
      for (const address of addresses) if (overlaps(target, address)) return RULE;
      return undefined;
    }
    const embedded = embeddedAddress(target);
    const isOwn = addresses.has(target) || (embedded !== undefined && addresses.has(embedded));
    return isOwn ? RULE : undefined;
  }

  /** What is protected by it and not special anyway, for people. */
  list(): { range: string; source: string }[] {
    const ordinary = [...this.#fresh()].filter((address) => specialRange(address) === undefined);
    return ordinary.map((range) => ({ range, source: RULE }));
  }

  #fresh(): ReadonlySet<Address> {
    const now = monotonicSeconds();
    if (now - this.#readAt < INTERFACES_SECONDS) return this.#addresses;
    this.#readAt = now;
    const named = this.#servers().flatMap((server) => [server, ...(this.#resolved.get(server) ?? [])]);
    const parsed = [...named, ...machineAddresses()].map((text) => parseAddress(text));
    this.#addresses = new Set(parsed.flatMap((address) => (address.ok ? [address.value] : [])));
    return this.#addresses;
  }
}

async function resolveAll(name: string): Promise<string[]> {
  return (await dns.lookup(name, { all: true })).map(({ address }) => address);
}
