import type { BanKey } from '@banshare/protocol';

/** After so many batches of bans what is to be lifted gets one, whatever else waits. */
const BANS_IN_A_ROW = 8;

type Line = { ban: BanKey; isLift: boolean }[];

/**
 * Who is next: addresses wait in a line each, so that an address is never in two batches at once and its bans keep their
 * order. Addresses with something to ban go before those that are only to be lifted: thousands of ends stall no ban.
 */
export class Turns {
  readonly #lines = new Map<string, Line>();
  readonly #bans = new Set<string>();
  readonly #lifts = new Set<string>();
  readonly #busy = new Set<string>();
  #bansInARow = 0;

  add(ban: BanKey, isLift: boolean): void {
    const line = this.#lines.get(ban.ip);
    if (line === undefined) this.#lines.set(ban.ip, [{ ban, isLift }]);
    else line.push({ ban, isLift });
    if (!this.#busy.has(ban.ip)) this.#setReady(ban.ip);
  }

  /** The next batch, at most one ban of each address; `done` has to follow. Empty when nothing is ready. */
  take(most: number): BanKey[] {
    const isLiftsTurn = this.#lifts.size > 0 && this.#bansInARow >= BANS_IN_A_ROW;
    const ready = this.#bans.size === 0 || isLiftsTurn ? this.#lifts : this.#bans;
    this.#bansInARow = ready === this.#lifts ? 0 : this.#bansInARow + 1;
    const batch: BanKey[] = [];
    for (const ip of ready) {
      if (batch.length >= most) break;
      ready.delete(ip);
      const next = this.#lines.get(ip)?.shift();
      if (next === undefined) continue;
      this.#busy.add(ip);
      batch.push(next.ban);
    }
    return batch;
  }

  /** These were carried out; what waits behind them is ready. */
  done(batch: readonly BanKey[]): void {
    for (const { ip } of batch) {
      this.#busy.delete(ip);
      if (this.#lines.get(ip)?.length === 0) this.#lines.delete(ip);
      else this.#setReady(ip);
    }
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** Whether something of this address waits or runs. */
  has(ip: string): boolean {
    return this.#lines.has(ip);
  }

  #setReady(ip: string): void {
    const isLift = this.#lines.get(ip)?.every((each) => each.isLift) === true;
    (isLift ? this.#bans : this.#lifts).delete(ip);
    (isLift ? this.#lifts : this.#bans).add(ip);
  }
}
