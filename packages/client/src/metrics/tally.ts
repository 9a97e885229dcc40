import { Histogram, type Distribution } from '@banshare/runtime';
import type { BanRow } from '../bans/ban-row.ts';
import type { Effect } from '../bans/change.ts';

/** Each stands there from the start: a rate cannot see a series that begins with its first count. */
const OUTCOMES = [
  'applied',
  'already',
  'skipped',
  'failed',
  'unproven',
  'released',
] as const satisfies Effect['outcome'][];

/** What is counted while the client runs; all of it begins at 0 with the process. */
export class Tally {
  readonly #outcomes = new Map<Effect['outcome'], number>(OUTCOMES.map((outcome) => [outcome, 0]));
  readonly #appliedSeconds = new Histogram();
  #lifts = 0;
  #began: number | undefined;

  /**
   * Something was carried out for a row, or failed; `now` tells epoch seconds by the server's clock, undefined before that was heard. Bans
   * of before this program began are not timed: they waited for it, and not for their enforcer.
   */
  settled(row: BanRow, { outcome }: Effect, now: () => number | undefined): void {
    if (row.status === 'lifting') {
      this.#lifts += Number(outcome !== 'failed');
      return;
    }
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    const isFirst = row.attempts === 0 && row.keptBack.code === '' && outcome === 'applied';
    if (this.#began === undefined || !isFirst || row.at < this.#began) return;
    const at = now();
    if (at !== undefined) this.#appliedSeconds.observe(Math.max(0, at - row.at));
  }

  /** From now on bans are timed; epoch seconds by the server's clock. */
  heard(now: number | undefined): void {
    this.#began ??= now;
  }

  get outcomes(): { outcome: string; count: number }[] {
    return [...this.#outcomes].map(([outcome, count]) => ({ outcome, count }));
  }

  get lifts(): number {
    return this.#lifts;
  }

  get appliedSeconds(): Distribution {
    return this.#appliedSeconds.distribution;
  }
}
