import { monotonicSeconds, type AdminReply, type FaultLog } from '@banshare/runtime';
import { Enrichment } from '../../enrich/enrichment.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { eachSince } from '../../ledger/past-events.ts';
import { MOMENT_FAULT, readMoment } from '../../words/moment.ts';
import { networkOf } from '../../words/network.ts';
import { MostNamed } from '../../words/most-named.ts';
import { Arrivals } from './arrivals.ts';
import { decline, textOf, type Args } from '../deeds/bans.ts';

type Counted = { name: string; bans: number };

/**
 * The bans of some days, as published: how many began and ended in each hour (`at` is its beginning, hours without any are there too),
 * and in which jails, of which networks (as [enrich] mmdb names them, else /24 or IPv6 /64) and countries, and by whom most of them. `since` and the outer `at` say of which time it
 * tells; all times are epoch seconds.
 */
export type PastBans = {
  since: number;
  at: number;
  bans: number;
  hours: { at: number; bans: number; lifted: number }[];
  jails: Counted[];
  networks: Counted[];
  /** Without a file that says them there are none. */
  countries: Counted[];
  reporters: Counted[];
  /** There were more networks than are counted at once: those that came seldom are left out. */
  isRough: boolean;
};

type HistoryParts = { ledger: Ledger; lookedBack: LookedBack; enrichment: Enrichment; now: () => number };

const HOUR = 3600;
const LONGEST = 30 * 86_400;
const MOST_NAMED = 20;

/** `history [--since 30d]`: at most 30 days. */
export async function history(args: Args, parts: HistoryParts): Promise<AdminReply> {
  const { lookedBack, now } = parts;
  const text = textOf(args, 'since') ?? '30d';
  const since = readMoment(text, now());
  if (since === null || since === undefined) return decline('duration', MOMENT_FAULT);
  const from = Math.max(since, now() - LONGEST);
  const result = await lookedBack.once(`history ${text}`, () => pastBans(parts, from, now()));
  return { ok: true, result };
}

async function pastBans({ ledger, enrichment }: HistoryParts, since: number, now: number): Promise<PastBans> {
  const lookUp = await enrichment.open();
  const first = Math.floor(since / HOUR);
  const hours = Array.from({ length: Math.floor(now / HOUR) - first + 1 }, (_, index) => ({
    at: (first + index) * HOUR,
    bans: 0,
    lifted: 0,
  }));
  const [jails, networks] = [new MostNamed(), new MostNamed()];
  const [countries, reporters] = [new MostNamed(), new MostNamed()];
  let bans = 0;
  await eachSince(ledger.sql, since, ({ at, kind, ip, jail, host }) => {
    const hour = hours[Math.floor(at / HOUR) - first];
    if (kind === 'unban') {
      if (hour !== undefined) hour.lifted += 1;
      return;
    }
    bans += 1;
    if (hour !== undefined) hour.bans += 1;
    jails.add(jail);
    const { country, network } = lookUp(ip);
    networks.add(network ?? networkOf(ip));
    if (country !== undefined) countries.add(country);
    reporters.add(host);
  });
  return {
    since,
    at: now,
    bans,
    hours,
    jails: namedMost(jails),
    networks: namedMost(networks),
    countries: namedMost(countries),
    reporters: namedMost(reporters),
    isRough: [jails, networks, countries, reporters].some(({ isRough }) => isRough),
  };
}

function namedMost(most: MostNamed): Counted[] {
  return most.top(MOST_NAMED).map(([name, bans]) => ({ name, bans }));
}

/** An answer is as good as new for so many seconds. */
const FRESH_SECONDS = 20;
/** And for so many times as long as it took: whoever asks all the time takes no more than this part of the loop. */
const FRESH_TIMES = 50;
/** Different questions whose answers are kept. */
const MOST_KEPT = 20;

/**
 * Keeps for a while what was found by a long look back, and has whoever asks meanwhile wait for the look that is under way. Looks for
 * different questions come one after the other: together they would leave reports little of the loop.
 */
export class LookedBack {
  readonly #kept = new Map<string, { found: Promise<unknown>; until: number }>();
  #last: Promise<unknown> = Promise.resolve();

  async once<T>(question: string, look: () => Promise<T>): Promise<T> {
    const earlier = this.#kept.get(question);
    if (earlier !== undefined && monotonicSeconds() < earlier.until) return earlier.found as Promise<T>;
    let began = 0;
    const found = this.#last.then(() => {
      began = monotonicSeconds();
      return look();
    });
    this.#last = found.catch(() => undefined);
    const kept = { found, until: Infinity };
    this.#kept.delete(question);
    this.#kept.set(question, kept);
    for (const [oldest] of this.#kept) if (this.#kept.size > MOST_KEPT) this.#kept.delete(oldest);
    try {
      return await kept.found;
    } catch (error) {
      this.#kept.delete(question);
      throw error;
    } finally {
      const ended = monotonicSeconds();
      kept.until = ended + Math.max(FRESH_SECONDS, (ended - began) * FRESH_TIMES);
    }
  }
}

/** What the actions that look back work with. */
export function lookingBack(
  { ledger, faults }: { ledger: Ledger; faults: Pick<FaultLog, 'fault' | 'over'> },
  mmdb: readonly string[] = [],
): { arrivals: Arrivals; lookedBack: LookedBack; enrichment: Enrichment } {
  const enrichment = new Enrichment(mmdb, faults);
  // So that what is wrong with a file is said at the start.
  void enrichment.open();
  return { arrivals: new Arrivals(ledger), lookedBack: new LookedBack(), enrichment };
}
