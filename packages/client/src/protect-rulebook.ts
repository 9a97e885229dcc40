import { embeddedAddress, isRange, overlaps, type Address, type Target } from '@banshare/protocol';

/** Something that is not banned here, and why; a single address may be written as a range of its full length. */
export type Protected = { what: Target; rule: string };

/** Many addresses and ranges to be asked at once: single addresses cost nothing, however many they are. */
export class Rulebook {
  readonly entries: readonly Protected[];
  readonly #single = new Map<string, string>();
  readonly #ranges: Protected[] = [];

  constructor(entries: readonly Protected[]) {
    this.entries = entries;
    for (const { what, rule } of entries) {
      const [address = '', prefix] = what.split('/');
      const isOfMany = prefix !== undefined && prefix !== (address.includes(':') ? '128' : '32');
      if (isOfMany) this.#ranges.push({ what, rule });
      else if (!this.#single.has(address)) this.#single.set(address, rule);
    }
  }

  /** The rule for an address or the IPv4 address embedded in it, or for anything that a range covers. */
  ruleFor(ip: Target): string | undefined {
    return (
      (isRange(ip) ? this.#singleWithin(ip) : this.#singleOf(ip)) ??
      this.#ranges.find(({ what }) => overlaps(ip, what))?.rule
    );
  }

  #singleOf(ip: Address): string | undefined {
    const embedded = embeddedAddress(ip);
    return this.#single.get(ip) ?? (embedded === undefined ? undefined : this.#single.get(embedded));
  }

  #singleWithin(range: Target): string | undefined {
    for (const [address, rule] of this.#single) if (overlaps(range, address as Target)) return rule;
    return undefined;
  }
}
