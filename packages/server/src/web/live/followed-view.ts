import { monotonicSeconds, wallSeconds } from '@banshare/runtime';
import { mainOf, movedBetween, piecesOf, type Pieces } from './pieces.ts';

/** A page as it was made once. `isFrameOnly` where what is shown stays: it cannot be made now, or does not move. */
export type Made = { readonly title: string; readonly page: string; readonly isFrameOnly: boolean };

/** How a page was at a time; the version tells it from all others. */
export type State = {
  readonly version: string;
  /** Empty where it is none of those that move. */
  readonly title: string;
  readonly pieces: Pieces;
  /** None where only the frame could be made so far. */
  readonly main: string | undefined;
};

/** So much of the time at most goes into making one view again and again. */
const MAKING_SHARE = 0.1;
/**
 * After a quiet time the second making waits for so much of the usual rest only: somebody who has just opened a page would see the first ban
 * up to a second late.
 */
const SHORT_REST = 0.25;

/**
 * One view that somebody looks at, or many do: made anew once for all of them, when something may have changed, and so often at most. Who
 * follows is woken where a piece of it has moved, and told nothing where none has.
 */
export class FollowedView {
  readonly #make: () => Promise<Made>;
  readonly #leastSeconds: number;
  readonly #nextVersion: () => string;
  readonly #clock: () => number;
  readonly #wakes = new Set<() => void>();
  readonly #texts = new Map<string, string>();
  #state: State | undefined;
  #timer: NodeJS.Timeout | undefined;
  #earliest = -Infinity;
  #isMaking = false;
  #isWanted = false;

  /** @param clock seconds that never jump. */
  constructor(
    make: () => Promise<Made>,
    leastSeconds: number,
    nextVersion: () => string,
    clock: () => number = monotonicSeconds,
  ) {
    this.#make = make;
    this.#leastSeconds = leastSeconds;
    this.#nextVersion = nextVersion;
    this.#clock = clock;
  }

  get state(): State | undefined {
    return this.#state;
  }

  get followers(): number {
    return this.#wakes.size;
  }

  /** Wakes whoever follows, until the returned function is called. */
  follow(wake: () => void): () => void {
    this.#wakes.add(wake);
    this.mayHaveMoved();
    return () => {
      this.#wakes.delete(wake);
      if (this.#wakes.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  /** What has moved since a state, as it is sent; undefined where that is how it is. The same text goes to all who had the same. */
  textSince(had: State | undefined): string | undefined {
    const state = this.#state;
    if (state === undefined || had?.version === state.version) return undefined;
    const known = this.#texts.get(had?.version ?? '');
    if (known !== undefined) return known;
    const moved = movedBetween(had?.pieces, state.pieces, state.main);
    if (moved.length === 0 && had?.title === state.title) return undefined;
    const text = JSON.stringify({
      title: state.title,
      at: wallSeconds(),
      moved,
    });
    this.#texts.set(had?.version ?? '', text);
    return text;
  }

  /** Has the view made anew, soon; where it was made a moment ago, once that is long enough ago. */
  mayHaveMoved(): void {
    if (this.#isMaking) {
      this.#isWanted = true;
      return;
    }
    if (this.#timer !== undefined || this.#wakes.size === 0) return;
    const wait = Math.max(0, this.#earliest - this.#clock());
    this.#timer = setTimeout(() => void this.#makeNow(), wait * 1000);
  }

  async #makeNow(): Promise<void> {
    this.#timer = undefined;
    this.#isMaking = true;
    this.#isWanted = false;
    const began = this.#clock();
    const wasQuiet = began - this.#earliest > this.#leastSeconds;
    try {
      this.#take(await this.#make());
    } catch {
      // It is tried again with the next change; who opens it anew reads why it cannot be made.
    }
    const took = this.#clock() - began;
    const rest = Math.max(this.#leastSeconds, took / MAKING_SHARE);
    this.#earliest = began + (wasQuiet ? SHORT_REST * rest : rest);
    this.#isMaking = false;
    if (this.#isWanted) this.mayHaveMoved();
  }

  #take({ title, page, isFrameOnly }: Made): void {
    const made = piecesOf(page);
    const before = this.#state;
    const pieces =
      isFrameOnly && before !== undefined
        ? new Map([...before.pieces].map(([id, piece]) => [id, made.get(id) ?? piece]))
        : made;
    const isSame =
      before !== undefined && before.title === title && movedBetween(before.pieces, pieces, '').length === 0;
    if (isSame) return;
    this.#state = {
      version: this.#nextVersion(),
      title,
      pieces,
      main: isFrameOnly ? before?.main : mainOf(page),
    };
    this.#texts.clear();
    for (const wake of this.#wakes) wake();
  }
}
