import type { Address, Range } from '@banshare/protocol';
import { blockOf } from '../words/ipv6-block.ts';

/** Which hosts are at an address, and which addresses are near a range. */
export class AddressIndex {
  readonly #hostsAt = new Map<Address, Set<number>>();
  /** Those in a /64: of a range that is no wider, the others need not be asked. */
  readonly #in = new Map<string, Set<Address>>();

  add(address: Address, hostId: number): void {
    const hosts = this.#hostsAt.get(address);
    if (hosts !== undefined) {
      hosts.add(hostId);
      return;
    }
    this.#hostsAt.set(address, new Set([hostId]));
    const block = blockOf(address);
    if (block !== null) this.#in.set(block, (this.#in.get(block) ?? new Set()).add(address));
  }

  drop(address: Address, hostId: number): void {
    const hosts = this.#hostsAt.get(address);
    hosts?.delete(hostId);
    if (hosts?.size !== 0) return;
    this.#hostsAt.delete(address);
    const block = blockOf(address);
    if (block === null) return;
    const near = this.#in.get(block);
    near?.delete(address);
    if (near?.size === 0) this.#in.delete(block);
  }

  /** The hosts at an address. */
  at(address: Address): Iterable<number> {
    return this.#hostsAt.get(address) ?? [];
  }

  /** Every address. */
  all(): Iterable<Address> {
    return this.#hostsAt.keys();
  }

  /** All addresses that may have to do with a range. */
  near(range: Range): Iterable<Address> {
    const block = blockOf(range);
    return block === null ? this.#hostsAt.keys() : (this.#in.get(block) ?? []);
  }
}
