import { HEADS } from '@banshare/runtime';
import type { Ledger } from '../ledger/ledger.ts';
import { Settings } from '../ledger/books/settings.ts';
import { span } from '../words/phrases.ts';

/** Since when nothing new is published, and until when; epoch seconds, null until somebody says so. */
export type Frozen = { since: number; until: number | null };

const KEY = 'frozen';

/**
 * What stops the fleet by an operator's word: while it holds nothing new is published, reports are kept as held, and what ends bans goes
 * through. It is in the ledger, so that a restart does not let go of it. Times are epoch seconds.
 */
export class Freeze {
  readonly #settings: Settings;
  #frozen: Frozen | null;

  constructor(ledger: Ledger) {
    this.#settings = new Settings(ledger);
    this.#frozen = this.#read();
    ledger.follow({
      applied: ({ isAll, settings }) => {
        if (isAll || settings.has(KEY)) this.#frozen = this.#read();
      },
    });
  }

  /** What holds now; one that is over by itself holds no more. */
  at(now: number): Frozen | null {
    const { until = 0 } = this.#frozen ?? {};
    return until === null || until > now ? this.#frozen : null;
  }

  /** Begins, or goes on until another time; within a piece of the ledger's queue, as what follows, and it holds once that is committed. */
  begin(until: number | null, now: number): Frozen {
    const frozen = { since: this.at(now)?.since ?? now, until };
    this.#settings.put(KEY, JSON.stringify(frozen));
    return frozen;
  }

  /** Ends it; returns whether it held. */
  end(now: number): boolean {
    const isHolding = this.at(now) !== null;
    this.#settings.remove(KEY);
    return isHolding;
  }

  /** Whether it is over by itself, which nobody has noted yet. */
  hasEnded(now: number): boolean {
    return this.#frozen !== null && this.at(now) === null;
  }

  #read(): Frozen | null {
    const kept = this.#settings.get(KEY);
    return kept === undefined ? null : (JSON.parse(kept) as Frozen);
  }
}

/** For people: what holds, and how it ends. */
export function sayFrozen({ since, until }: Frozen, now: number): string {
  const end = until === null ? '' : ` and for ${span(until - now)} more`;
  return `${HEADS.frozen} since ${span(now - since)}${end}: nothing new is published, reports are held, unbans go through; banshare-server thaw ends it`;
}

/** The same as a line beneath what else is shown; none where nothing is frozen, or an older server does not say. */
export function frozenLine(frozen: Frozen | null | undefined, now: number): string[] {
  return frozen === null || frozen === undefined ? [] : [`${sayFrozen(frozen, now)}.`];
}
