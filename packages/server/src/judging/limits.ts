import type { Held } from '../words/verdict.ts';
import type { EarlierReport } from '../words/history.ts';
import { TokenBucket } from '../words/token-bucket.ts';

/** What the administrator set under [limits]. */
export type Limits = { hostPerMinute: number; hostBurst: number; fleetPerMinute: number; active: number };

/** A host that is quiet for an hour has a full bucket, and needs none. */
const FORGET_SECONDS = 3600;
/** Acknowledgements and the like; an honest host needs one each 5 s, and more while it catches up. */
const WORDS_PER_MINUTE = 3000;
const WORDS_BURST = 1500;

/** A bucket for each host. */
class HostBuckets {
  readonly #perMinute: number;
  readonly #burst: number;
  readonly #hosts = new Map<number, { bucket: TokenBucket; at: number }>();

  constructor(perMinute: number, burst: number) {
    this.#perMinute = perMinute;
    this.#burst = burst;
  }

  take(hostId: number, now: number): boolean {
    return this.#of(hostId, now).take(now);
  }

  owe(hostId: number, count: number, now: number): void {
    this.#of(hostId, now).spend(count, { mayOwe: true });
  }

  sweep(now: number): void {
    for (const [id, { at }] of this.#hosts) if (now - at > FORGET_SECONDS) this.#hosts.delete(id);
  }

  #of(hostId: number, now: number): TokenBucket {
    let known = this.#hosts.get(hostId);
    if (known === undefined) {
      known = { bucket: new TokenBucket(this.#perMinute, this.#burst, now), at: now };
      this.#hosts.set(hostId, known);
    }
    known.at = now;
    return known.bucket;
  }
}

/**
 * Counts against the limits: a host above its limit is asked to come later and loses nothing; what the fleet brings above its own, or above
 * the cap of active bans, is held for a person to decide. Reports may be judged more than once before they are committed: so judging
 * counts only what is judged together, and what was committed counts behind the commit.
 */
export class LimitKeeper {
  readonly #limits: Limits;
  #reports: HostBuckets;
  readonly #words = new HostBuckets(WORDS_PER_MINUTE, WORDS_BURST);
  #fleet: TokenBucket | undefined;
  /** What was judged since the last commit or beginning, and may be published. */
  #judged = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
    this.#reports = hostBuckets(limits);
  }

  /** The limits that it was made with hold other numbers now: it counts anew. */
  changed(): void {
    this.#reports = hostBuckets(this.#limits);
    this.#fleet = undefined;
  }

  /** For how long a limit feels what was reported, seconds. */
  get memorySeconds(): number {
    const { hostPerMinute, hostBurst } = this.#limits;
    return Math.min(FORGET_SECONDS, Math.max(60, (60 * hostBurst) / hostPerMinute));
  }

  /**
   * Counts what was reported before a start, oldest first, at its own time (epoch seconds): who can have the server start again and again
   * would else have the whole of every limit each time.
   */
  wasReported({ host, received, isPublished }: EarlierReport): void {
    this.#reports.take(host, received);
    if (!isPublished) return;
    const { fleetPerMinute } = this.#limits;
    this.#fleet ??= new TokenBucket(fleetPerMinute, fleetPerMinute, received);
    if (this.#fleet.has(1, received)) this.#fleet.spend(1);
  }

  /** What is held takes room as active bans do. */
  get mostHeld(): number {
    return this.#limits.active;
  }

  /** Whether a host may report a ban, or take one back, now. */
  admitsReport(hostId: number, now: number): boolean {
    return this.#reports.take(hostId, now);
  }

  /** What a host has reported at another server counts here too: where it reports at both at once it owes what one would not have taken. */
  reportedElsewhere(hostId: number, count: number, now: number): void {
    this.#reports.owe(hostId, count, now);
  }

  /** Whether a host may say anything else now; pages of sync have their own turns. */
  admitsWord(hostId: number, now: number): boolean {
    return this.#words.take(hostId, now);
  }

  /** What was judged before is judged anew, or came to nothing. */
  begins(): void {
    this.#judged = 0;
  }

  /** What was judged is published, or so many that others judged. */
  published(count = this.#judged): void {
    this.#judged = 0;
    this.#fleet?.spend(count);
  }

  /** Why a new ban must be held; undefined where it may be published. */
  reasonToHold(activeBans: number, now: number): Held | undefined {
    const { fleetPerMinute, active } = this.#limits;
    if (activeBans >= active)
      return { code: 'active', reason: `there are ${activeBans} active bans, the limit is ${active}` };
    this.#fleet ??= new TokenBucket(fleetPerMinute, fleetPerMinute, now);
    if (!this.#fleet.has(this.#judged + 1, now))
      return { code: 'fleet-rate', reason: `the fleet brings more than ${fleetPerMinute} new bans a minute` };
    this.#judged += 1;
    return undefined;
  }

  /** Forgets hosts that have long been quiet. */
  sweep(now: number): void {
    this.#reports.sweep(now);
    this.#words.sweep(now);
  }
}

function hostBuckets({ hostPerMinute, hostBurst }: Limits): HostBuckets {
  return new HostBuckets(hostPerMinute, hostBurst);
}
