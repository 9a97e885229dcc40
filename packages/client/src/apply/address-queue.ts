import type { BanKey } from '@banshare/protocol';

/** After so many batches of bans what is to be lifted gets one, whatever else waits. */
const BANS_IN_A_ROW = 8;

/**
 * `first`: a person wants it lifted, or the address is protected now, so it goes before everything. `ban`: something may have to
 * be banned. `lift`: a ban is over, or nobody stands behind it any more.
 */
export type Kind = 'first' | 'ban' | 'lift';

/** Up to so many waiting addresses are no backlog: they keep the order in which they came. */
const FEW = 16;

type Line = { ban: BanKey; kind: Kind }[];

/**
 * Who is next: addresses wait in a line each, so that an address is never in two batches at once and its bans keep their
 * order, but for what goes first. Addresses with something to ban go before those that are only to be lifted: thousands of ends
 * stall no ban; and of a backlog the newest go first, since what attacks now counts more than a backlog. While bans are held back
 * only lifts get a turn.
 */
export class AddressQueue {
  readonly #lines = new Map<string, Line>();
  readonly #firsts = new Set<string>();
  readonly #bans = new Newest();
  readonly #lifts = new Set<string>();
  /** Addresses for which both a ban and a lift wait: while bans are held back, the lift alone may have its turn. */
  readonly #both = new Set<string>();
  readonly #busy = new Set<string>();
  #bansInARow = 0;
  /** Whether bans are held back, so that only lifts get a turn. */
  areBansHeld = false;

  add({ ip, prog, jail }: BanKey, kind: Kind): void {
    const line = this.#lines.get(ip);
    // The key is enough: by its turn the row may have changed, and what the state says by then is done.
    const entry = { ban: { ip, prog, jail }, kind };
    if (line === undefined) this.#lines.set(ip, [entry]);
    else line.push(entry);
    if (!this.#busy.has(ip)) this.#setReady(ip);
  }

  /** The next batch, at most one ban of each address; `done` has to follow. Empty when nothing is ready. */
  take(most: number): BanKey[] {
    if (this.#firsts.size > 0) return this.#takeOf(this.#firsts, most, ({ kind }) => kind === 'first');
    if (this.areBansHeld) {
      const ready = this.#lifts.size > 0 ? this.#lifts : this.#both;
      return this.#takeOf(ready, most, ({ kind }) => kind === 'lift');
    }
    const isLiftsTurn = this.#lifts.size > 0 && this.#bansInARow >= BANS_IN_A_ROW;
    const ready = this.#bans.size === 0 || isLiftsTurn ? this.#lifts : this.#bans;
    this.#bansInARow = ready === this.#lifts ? 0 : this.#bansInARow + 1;
    return this.#takeOf(ready, most, () => true);
  }

  /** These were carried out; what waits behind them is ready. */
  done(batch: readonly BanKey[]): void {
    for (const { ip } of batch) {
      this.#busy.delete(ip);
      if (this.#lines.get(ip)?.length === 0) this.#lines.delete(ip);
      else this.#setReady(ip);
    }
  }

  /** Whether nothing waits or runs, but for bans that are held back. */
  get isEmpty(): boolean {
    if (this.#lines.size === 0) return true;
    return this.areBansHeld && this.#busy.size + this.#firsts.size + this.#lifts.size + this.#both.size === 0;
  }

  /** Whether something of this address waits or runs. */
  has(ip: string): boolean {
    return this.#lines.has(ip);
  }

  /** Whether something of this address runs. */
  isRunning(ip: string): boolean {
    return this.#busy.has(ip);
  }

  #takeOf(ready: Iterable<string>, most: number, isMeant: (entry: Line[number]) => boolean): BanKey[] {
    const batch: BanKey[] = [];
    for (const ip of ready) {
      if (batch.length >= most) break;
      for (const each of [this.#firsts, this.#bans, this.#lifts, this.#both]) each.delete(ip);
      const line = this.#lines.get(ip) ?? [];
      const [next] = line.splice(line.findIndex(isMeant), 1);
      if (next === undefined) continue;
      this.#busy.add(ip);
      batch.push(next.ban);
    }
    return batch;
  }

  #setReady(ip: string): void {
    const line = this.#lines.get(ip) ?? [];
    const has = (kind: Kind): boolean => line.some((each) => each.kind === kind);
    for (const each of [this.#firsts, this.#bans, this.#lifts, this.#both]) each.delete(ip);
    if (has('first')) this.#firsts.add(ip);
    else if (!has('ban')) this.#lifts.add(ip);
    else {
      this.#bans.add(ip);
      if (has('lift')) this.#both.add(ip);
    }
  }
}

/** A set that is gone through from what was added last where it is a backlog; a few keep their order. */
class Newest {
  readonly #all = new Set<string>();
  #stack: string[] = [];

  get size(): number {
    return this.#all.size;
  }

  add(item: string): void {
    this.#all.add(item);
    this.#stack.push(item);
  }

  delete(item: string): void {
    this.#all.delete(item);
    if (this.#all.size === 0) this.#stack = [];
  }

  *[Symbol.iterator](): Iterator<string> {
    if (this.#all.size <= FEW) {
      yield* this.#all;
      return;
    }
    for (let item; (item = this.#stack.pop()) !== undefined;) {
      if (!this.#all.has(item)) continue;
      // A loop that ends here has not taken this one: it has to stay for the next.
      this.#stack.push(item);
      yield item;
    }
  }
}
