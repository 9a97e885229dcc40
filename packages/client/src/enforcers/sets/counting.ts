import type { Ended } from '../../host/exec.ts';
import { said } from './tool.ts';

/** How a kind of firewall is asked whether its sets count, and how such sets are made of those that do not. */
type CountingParts = {
  /** Tries out a set that counts, and one that does not; neither is left behind. */
  tryCounting: () => Promise<Ended>;
  tryPlain: () => Promise<Ended>;
  /** Whether a set is there that counts nothing. */
  isUncounted: () => Promise<boolean>;
  /** Makes all sets anew, with what they hold, without a moment in which that does not stand; what went wrong, or ''. */
  remake: () => Promise<string>;
};

const NOT_YET = 'not asked yet';

/**
 * Whether banshare's own sets count the packets that each of their elements drops. Kernels before 5.7 and nft before 0.9.5 cannot:
 * there sets are as they were before, since bans matter more than figures. What an earlier version made is made anew once.
 */
export class Counting {
  readonly #parts: CountingParts;
  #whyNot = NOT_YET;

  constructor(parts: CountingParts) {
    this.#parts = parts;
  }

  /** Whether sets are made so that they count. */
  get isOn(): boolean {
    return this.#whyNot === '';
  }

  /** Why nothing is counted, or ''. */
  get whyNot(): string {
    return this.#whyNot;
  }

  /** Before anything is put in place: finds out once whether sets can count, and has those that are there do so. */
  async begin(): Promise<void> {
    if (this.#whyNot !== NOT_YET) return;
    const tried = await this.#parts.tryCounting();
    if (tried.code === 0) {
      this.#whyNot = '';
      await this.look();
    }
    // A tool that can do nothing at all now has not shown that it cannot count.
    else if ((await this.#parts.tryPlain()).code === 0) this.#whyNot = said(tried);
  }

  /** Has what is there count. A set that still does not, stays as it is: that is not tried again before the next start. */
  async look(): Promise<void> {
    if (!this.isOn || !(await this.#parts.isUncounted())) return;
    const reason = await this.#parts.remake();
    if (reason !== '') this.#whyNot = reason;
    else if (await this.#parts.isUncounted()) this.#whyNot = 'this kernel takes the counters and has none';
  }
}

/** Has work done one after the other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
