import { retry, type Answer } from '../words/answer.ts';
import { TokenBucket } from '../words/token-bucket.ts';

/** What newcomers were told to wait for: how many tries, and since when; epoch seconds. */
export type EnrolmentHold = { tries: number; since: number; reason: string };

/** A fleet that is set up at once. */
const BURST_MINUTES = 5;
/** More than a person looks through. */
const MOST_PENDING = 1000;
/** Asked again after so many seconds, there may be room. */
const AFTER_RATE = 5;
const AFTER_PENDING = 60;
/** A hold is over when for so long nobody was told to wait. */
const OVER_AFTER = 3600;

/**
 * Whoever has the join key can make as many host keys as it likes, and each newcomer is a row, a key at the doors and an entry
 * of the audit log. So newcomers come at a rate, and only so many wait for an operator; the others are asked to come later.
 */
export class EnrolmentRate {
  #perMinute: number;
  #bucket: TokenBucket | undefined;
  #hold: (EnrolmentHold & { last: number }) | undefined;

  /**
   * `earlier` is when those came that were taken before a start, epoch seconds: who can have the server start again and again would else
   * have the whole burst each time.
   */
  constructor(perMinute: number, earlier: readonly number[] = []) {
    this.#perMinute = perMinute;
    for (const at of earlier.toSorted((one, other) => one - other)) this.#bucketAt(at).take(at);
  }

  /** So many a minute are taken from now on: it counts anew. */
  changed(perMinute: number): void {
    this.#perMinute = perMinute;
    this.#bucket = undefined;
  }

  /** Asks for one more newcomer; `pending` is how many wait for an operator, where this one would too. */
  ask(pending: number | undefined, now: number): { answer: Answer; isNew: boolean } | undefined {
    const perMinute = this.#perMinute;
    if (pending !== undefined && pending >= MOST_PENDING)
      return this.#wait(sayFull(pending), AFTER_PENDING, now);
    if (this.#bucketAt(now).take(now)) return undefined;
    return this.#wait(`more than ${perMinute} hosts a minute ask to be enrolled`, AFTER_RATE, now);
  }

  /** The answer to one more newcomer that would wait for an operator, where too many do. */
  full(pending: number): Answer | undefined {
    return pending >= MOST_PENDING ? later(sayFull(pending), AFTER_PENDING) : undefined;
  }

  /** What holds newcomers back, or did within the last hour. */
  hold(now: number): EnrolmentHold | undefined {
    if (this.#hold === undefined || now - this.#hold.last > OVER_AFTER) return undefined;
    const { tries, since, reason } = this.#hold;
    return { tries, since, reason };
  }

  #bucketAt(now: number): TokenBucket {
    this.#bucket ??= new TokenBucket(this.#perMinute, this.#perMinute * BURST_MINUTES, now);
    return this.#bucket;
  }

  #wait(reason: string, after: number, now: number): { answer: Answer; isNew: boolean } {
    const before = this.hold(now);
    this.#hold = { tries: (before?.tries ?? 0) + 1, since: before?.since ?? now, reason, last: now };
    return {
      answer: later(reason, after),
      isNew: before === undefined,
    };
  }
}

function sayFull(pending: number): string {
  return `${pending} hosts wait for an operator already`;
}

function later(reason: string, after: number): Answer {
  return retry('enrolments', `${reason}: this one is taken later`, after);
}
