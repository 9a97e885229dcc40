import { embeddedAddress, isInRange, type Address, type Range } from '@banshare/protocol';

/** Something that is not banned here, and why; a single address may be written as a range of its full length. */
export type Protected = { what: Address | Range; rule: string };

/** Many addresses and ranges to be asked at once: single addresses cost nothing, however many they are. */
export class Rulebook {
  readonly entries: readonly Protected[];
  readonly #single = new Map<string, string>();
  readonly #ranges: { range: Range; rule: string }[] = [];

  constructor(entries: readonly Protected[]) {
    this.entries = entries;
    for (const { what, rule } of entries) {
      const [address = '', prefix] = what.split('/');
      const isRange = prefix !== undefined && prefix !== (address.includes(':') ? '128' : '32');
      if (isRange) this.#ranges.push({ range: what as Range, rule });
      else if (!this.#single.has(address)) this.#single.set(address, rule);
    }
  }

  /** The rule for an address or the IPv4 address embedded in it. */
  ruleFor(ip: Address): string | undefined {
    const embedded = embeddedAddress(ip);
    const single = this.#single.get(ip) ?? (embedded === undefined ? undefined : this.#single.get(embedded));
    return single ?? this.#ranges.find(({ range }) => isInRange(ip, range))?.rule;
  }
}
