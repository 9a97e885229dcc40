/** So many names are counted at once: an attacker has more addresses than this machine has memory. */
const MOST_NAMES = 200_000;

/**
 * Counts how often each name comes. Beyond so many names those that came least are forgotten, and `isRough` says so: what comes
 * often is counted right but for a few.
 */
export class MostNamed {
  readonly #counts = new Map<string, number>();
  readonly #most: number;
  isRough = false;

  constructor(most = MOST_NAMES) {
    this.#most = most;
  }

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    if (this.#counts.size > this.#most) this.#forget();
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** How many names there are here and in another together. */
  countWith(other: MostNamed): number {
    let count = this.#counts.size;
    for (const name of other.#counts.keys()) if (!this.#counts.has(name)) count += 1;
    return count;
  }

  /** The names that came most, and how often. */
  top(most: number): [name: string, count: number][] {
    return [...this.#counts]
      .toSorted(([one, few], [other, many]) => many - few || (one < other ? -1 : 1))
      .slice(0, most);
  }

  #forget(): void {
    this.isRough = true;
    for (let least = 1; this.#counts.size > this.#most / 2; least *= 2)
      for (const [name, count] of this.#counts) if (count <= least) this.#counts.delete(name);
  }
}
