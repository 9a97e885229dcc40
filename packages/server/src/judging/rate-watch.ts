import { originOf, type Event, OPERATOR_HOST } from '@banshare/protocol';
import type { BanMinutes } from '../ledger/books/ban-minutes.ts';

const MINUTE = 60;
const DAY = 86_400;
/** What is looked at: so many minutes at once, so that one burst of a scan is no wave. */
const RECENT_MINUTES = 10;
const WEEK_MINUTES = (7 * DAY) / MINUTE;
/** So many times the usual rate is no accident of the day. */
const TIMES = 10;
/** A quiet fleet must not alarm for a handful: below so many new bans in ten minutes nothing does. */
const LEAST = 100;
/** In its first day a fleet has no usual rate: then each host may bring so many in ten minutes. */
const FIRST_DAY_A_HOST = 20;

/** How many new bans hosts bring, in ten minutes. */
export type BanRate = {
  recent: number;
  /** On the average of the week before; null in the first day. */
  usual: number | null;
  /** More than so many are an alarm. */
  most: number;
  isAlarm: boolean;
  /** Who brought most of the recent ones, and how many of them. */
  loudest: { host: string; bans: number } | null;
};

type Minute = { bans: number; byHost: Map<string, number> };

/**
 * Watches how many new bans the hosts bring, and compares the last ten minutes with the week before. Minutes are kept in the ledger, so
 * that a restart does not forget what is usual; the last ten are counted anew from its events then. What operators ban and import does not
 * count.
 */
export class RateWatch {
  readonly #kept: BanMinutes;
  readonly #hosts: () => number;
  readonly #alarm: (rate: BanRate) => void;
  readonly #minutes = new Map<number, Minute>();
  #usual: { ofMinute: number; bans: number | null } = { ofMinute: -1, bans: null };
  #isAlarm = false;
  #isFlushed = true;

  /**
   * `earlier` gives what hosts brought since a time; `hosts` counts those of the fleet; `alarm` is called once each time that the rate rises
   * above what is usual; times are epoch seconds.
   */
  constructor(parts: {
    kept: BanMinutes;
    earlier: (since: number) => readonly Event[];
    hosts: () => number;
    alarm: (rate: BanRate) => void;
    now: number;
  }) {
    this.#kept = parts.kept;
    this.#hosts = parts.hosts;
    this.#alarm = parts.alarm;
    // Whoever can end the server would else bring as many as it likes between two flushes, and the alarm would name nobody.
    const first = Math.floor(parts.now / MINUTE) - RECENT_MINUTES + 1;
    for (const event of parts.earlier(first * MINUTE).filter(isFound)) this.#count(event, event.at);
  }

  /** Counts what was published; now is epoch seconds. */
  published(events: readonly Event[], now: number): void {
    const found = events.filter(isFound);
    if (found.length === 0) return;
    for (const event of found) this.#count(event, now);
    const rate = this.rate(now);
    if (rate.isAlarm && !this.#isAlarm) this.#alarm(rate);
    this.#isAlarm = rate.isAlarm;
  }

  rate(now: number): BanRate {
    const at = Math.floor(now / MINUTE);
    const minutes = [...this.#minutes].filter(([minute]) => minute > at - RECENT_MINUTES);
    const recent = minutes.reduce((sum, [, { bans }]) => sum + bans, 0);
    const usual = this.#usualAt(at);
    const most =
      usual === null ? Math.max(LEAST, FIRST_DAY_A_HOST * this.#hosts()) : Math.max(LEAST, TIMES * usual);
    const byHost = new Map<string, number>();
    for (const [, minute] of minutes)
      for (const [host, bans] of minute.byHost) byHost.set(host, (byHost.get(host) ?? 0) + bans);
    const [loudest] = [...byHost].toSorted(([, one], [, other]) => other - one);
    return {
      recent,
      usual,
      most,
      isAlarm: recent > most,
      loudest: loudest === undefined ? null : { host: loudest[0], bans: loudest[1] },
    };
  }

  /** Writes what was counted into the ledger, and forgets what is older than a week. @throws when the ledger cannot be written. */
  async flush(now: number): Promise<void> {
    if (this.#isFlushed) return;
    this.#isFlushed = true;
    const last = Math.floor(now / MINUTE) - RECENT_MINUTES;
    const minutes = [...this.#minutes].map(([minute, { bans }]) => ({ minute, bans }));
    try {
      await this.#kept.keep(minutes, last - WEEK_MINUTES);
    } catch (error) {
      this.#isFlushed = false;
      throw error;
    }
    for (const { minute } of minutes) if (minute <= last) this.#minutes.delete(minute);
  }

  #count({ host }: Event, seconds: number): void {
    const at = Math.floor(seconds / MINUTE);
    const minute = this.#minutes.get(at) ?? { bans: 0, byHost: new Map<string, number>() };
    this.#minutes.set(at, minute);
    minute.bans += 1;
    minute.byHost.set(host, (minute.byHost.get(host) ?? 0) + 1);
    this.#isFlushed = false;
  }

  /** New bans in ten minutes on the average of the week before these; counted once a minute. */
  #usualAt(at: number): number | null {
    if (this.#usual.ofMinute === at) return this.#usual.bans;
    const before = at - RECENT_MINUTES;
    const kept = this.#kept.sumWithin(before - WEEK_MINUTES, before);
    const minutes = kept === null ? 0 : before - kept.first + 1;
    const isKnown = kept !== null && minutes * MINUTE >= DAY;
    const bans = isKnown ? (kept.bans / minutes) * RECENT_MINUTES : null;
    this.#usual = { ofMinute: at, bans };
    return bans;
  }
}

/** What an operator gave an earlier end is not found anew. */
function isFound(event: Event): boolean {
  return event.kind === 'ban' && originOf(event) === 'host' && event.host !== OPERATOR_HOST;
}

/** How many new bans there are in ten minutes, for the log and for people. */
export function sayRate({ recent, usual, loudest }: BanRate): {
  bans: number;
  usually: string;
  loudest?: string;
} {
  return {
    bans: recent,
    usually:
      usual === null ? 'and there is no day yet to compare with' : `where ${usualText(usual)} are usual`,
    ...(loudest === null ? {} : { loudest: `${loudest.host} (${loudest.bans})` }),
  };
}

function usualText(usual: number): string {
  return usual >= 10 ? String(Math.round(usual)) : usual.toFixed(1);
}
