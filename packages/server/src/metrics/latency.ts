import type { Event, Took } from '@banshare/protocol';
import { WindowedTimes, type Quantiles } from './windowed-times.ts';

/** So many bans are remembered, each with what hosts say of it; the newest. */
const MOST_BANS = 10_000;
/** And so many words of hosts in all. */
const MOST_WORDS = 200_000;

/** When a ban was committed and published, and in place on each host that told: milliseconds since its report came. */
export type BanTimes = {
  committedMs: number;
  publishedMs: number | null;
  /** By host id. */
  hosts: ReadonlyMap<number, number>;
};

/** How fast bans were within the last hour, in milliseconds since their report came; null where there was none. */
export type Latency = {
  committed: Quantiles | null;
  published: Quantiles | null;
  /** In place on a host: one value for each ban and host that told. */
  applied: Quantiles | null;
};

/**
 * How long bans take. The server's own steady clock says when a report came, was committed and published; each host says by itself
 * how long it was until a ban was in place there. All of it is in memory, and of this server's hosts.
 */
export class LatencyBook {
  readonly #bans = new Map<
    number,
    { at: number; committedMs: number; publishedMs: number | null; hosts: Map<number, number> }
  >();
  #words = 0;
  readonly #committed = new WindowedTimes();
  readonly #published = new WindowedTimes();
  readonly #applied = new WindowedTimes();

  /** Events were committed; now is epoch seconds. */
  committed(events: readonly Event[], now: number): void {
    for (const { kind, seq, at } of events) {
      if (kind !== 'ban') continue;
      const committedMs = msSince(at, now);
      this.#bans.set(seq, { at, committedMs, publishedMs: null, hosts: new Map() });
      this.#committed.observe(committedMs, now);
    }
    this.#forget();
  }

  /** They were handed to what publishes. */
  published(events: readonly Event[], now: number): void {
    for (const { seq, at } of events) {
      const ban = this.#bans.get(seq);
      if (ban === undefined) continue;
      ban.publishedMs = msSince(at, now);
      this.#published.observe(ban.publishedMs, now);
    }
  }

  /** A host says how long bans took until they were in place there: of each ban once. What was new of it. */
  applied(host: number, took: readonly Took[], now: number): number[] {
    const fresh = took.flatMap(({ seq, ms }) => {
      const ban = this.#bans.get(seq);
      if (ban === undefined || ban.hosts.has(host)) return [];
      ban.hosts.set(host, ms);
      this.#words += 1;
      this.#applied.observe(ms, now);
      return [ms];
    });
    this.#forget();
    return fresh;
  }

  /** What is known of a ban; of an event that another ledger had at its number, nothing. */
  of({ seq, at }: Pick<Event, 'seq' | 'at'>): BanTimes | undefined {
    const ban = this.#bans.get(seq);
    return ban?.at === at ? ban : undefined;
  }

  /** The last hour; now is epoch seconds. */
  lastHour(now: number): Latency {
    return {
      committed: this.#committed.quantiles(now),
      published: this.#published.quantiles(now),
      applied: this.#applied.quantiles(now),
    };
  }

  #forget(): void {
    for (const [seq, { hosts }] of this.#bans) {
      if (this.#bans.size <= MOST_BANS && this.#words <= MOST_WORDS) return;
      this.#bans.delete(seq);
      this.#words -= hosts.size;
    }
  }
}

function msSince(at: number, now: number): number {
  return Math.max(0, Math.round((now - at) * 1000));
}
