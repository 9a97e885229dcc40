import { embeddedTarget, isRange, rangeAround, type Address, type Target } from '@banshare/protocol';

/** Something that is not banned here, and why; a single address may be written as a range of its full length. */
export type Protected = { what: Target; rule: string };

/**
 * Many addresses and ranges to be asked at once, however many they are: they are found by their length of prefix, and what lies
 * within a range by cutting them to its length, once for each length that is asked for.
 */
export class Rulebook {
  readonly entries: readonly Protected[];
  readonly #single = new Map<string, string>();
  /** By family and length of prefix: rules by the text of the range. */
  readonly #ranges = new Map<string, Map<string, string>>();
  readonly #within = new Map<string, Map<string, string>>();

  constructor(entries: readonly Protected[]) {
    this.entries = entries;
    for (const { what, rule } of entries) {
      const { first, prefix, length } = partsOf(what);
      if (prefix === length) setFirst(this.#single, first, rule);
      else setFirst(mapIn(this.#ranges, shapeOf(first, prefix)), what, rule);
    }
  }

  /** The rule for an address or the IPv4 address embedded in it, or for anything that a range covers. */
  ruleFor(ip: Target): string | undefined {
    const embedded = embeddedTarget(ip);
    return this.#find(ip) ?? (embedded === undefined ? undefined : this.#find(embedded));
  }

  #find(target: Target): string | undefined {
    return (
      (isRange(target) ? this.#rulesWithin(target).get(target) : this.#single.get(target)) ??
      this.#findAround(target)
    );
  }

  #findAround(target: Target): string | undefined {
    const { first, prefix: own } = partsOf(target);
    for (const [shape, rules] of this.#ranges) {
      const prefix = prefixOf(shape);
      if (prefix > own || shape !== shapeOf(first, prefix)) continue;
      const rule = rules.get(rangeAround(first, prefix));
      if (rule !== undefined) return rule;
    }
    return undefined;
  }

  /** What is as long as a range or longer, cut to its length. */
  #rulesWithin(range: Target): ReadonlyMap<string, string> {
    const { first, prefix } = partsOf(range);
    const shape = shapeOf(first, prefix);
    const known = this.#within.get(shape);
    if (known !== undefined) return known;
    const rules = mapIn(this.#within, shape);
    for (const { what, rule } of this.entries) {
      const each = partsOf(what);
      if (each.prefix >= prefix && shapeOf(each.first, prefix) === shape)
        setFirst(rules, rangeAround(each.first, prefix), rule);
    }
    return rules;
  }
}

type Parts = { first: Address; prefix: number; length: 32 | 128 };

function partsOf(target: Target): Parts {
  const slash = target.indexOf('/');
  const length = target.includes(':') ? 128 : 32;
  if (slash < 0) return { first: target as Address, prefix: length, length };
  return { first: target.slice(0, slash) as Address, prefix: Number(target.slice(slash + 1)), length };
}

function shapeOf(address: Address, prefix: number): string {
  return `${address.includes(':') ? 'v6' : 'v4'}/${prefix}`;
}

function prefixOf(shape: string): number {
  return Number(shape.slice(3));
}

function mapIn(maps: Map<string, Map<string, string>>, name: string): Map<string, string> {
  const known = maps.get(name);
  if (known !== undefined) return known;
  const made = new Map<string, string>();
  maps.set(name, made);
  return made;
}

function setFirst(rules: Map<string, string>, key: string, rule: string): void {
  if (!rules.has(key)) rules.set(key, rule);
}
