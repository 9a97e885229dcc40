import { setTimeout } from 'node:timers/promises';
import type { Event } from '@banshare/protocol';
import { monotonicSeconds, wallSeconds, type AdminReply } from '@banshare/runtime';
import type { BansAfter, NewsSince } from '../../operator/looking/follow-news.ts';
import type { HostList } from '../../operator/host-list.ts';
import type { Status } from '../../operator/status.ts';
import type { AskServer } from './ask-server.ts';
import { BanMirror } from './ban-mirror.ts';

/** Why the server cannot be asked, and since when, epoch seconds. */
export type Silence = { since: number; reason: string };

/** What the page knows of the server. */
export type Known = {
  /** Null while it answers. */
  silence: Silence | null;
  status: Status | undefined;
  fleet: HostList | undefined;
  /** The newest events, the newest first. */
  recent: readonly Event[];
  minutes: NewsSince['minutes'];
  /** Whether every active ban is in the mirror. */
  isWhole: boolean;
  /** Whether the server does anything for the page, as it says: a reload of it may change that. */
  acts: boolean;
};

/** Seconds for which what is known of status and hosts counts as now. */
const FRESH_SECONDS = 2;
/** After so many seconds the server is asked to try a write, which finds a full disk. */
const THOROUGH_SECONDS = 60;
/**
 * How long a question for news waits there, seconds; how long the next one waits here after some, after as many as one answer has, where more
 * wait, or after a fault, milliseconds.
 */
const NEWS_SECONDS = 20;
const BETWEEN_NEWS_MS = 500;
const AFTER_FULL_MS = 200;
const AFTER_FAULT_MS = 500;
/** A page comes after so long whatever the server does. */
const LATE_MS = 700;
/** Seconds that a plan waits for what the server has and the mirror not yet. */
const CATCH_UP_SECONDS = 2;
const MOST_RECENT = 100;
const CHART_MINUTES = 60;
const SWEEP_SECONDS = 30;
/** So much of the time at most is spent on asking for status and hosts. */
const ASKING_SHARE = 0.05;

/**
 * Follows the server, once for all browsers: news as they come, while somebody looks at status and hosts those every two seconds. Whoever
 * follows is told that something has changed, never what.
 */
export class Watch {
  readonly #ask: AskServer;
  readonly #mirror = new BanMirror();
  readonly #followers = new Set<() => void>();
  readonly #known: Known = {
    silence: null,
    status: undefined,
    fleet: undefined,
    recent: [],
    minutes: [],
    isWhole: false,
    acts: false,
  };
  #epoch = '';
  #seq = 0;
  #lookedAt = -Infinity;
  #thoroughAt = -Infinity;
  #tookSeconds = 0;
  #looking: Promise<void> | undefined;
  #sweptAt = -Infinity;
  readonly #ending = new AbortController();

  /** @param acts what server.toml said when this process began. */
  constructor(ask: AskServer, acts: boolean) {
    this.#ask = ask;
    this.#known.acts = acts;
  }

  get known(): Known {
    return this.#known;
  }

  /** The active bans, the oldest first. */
  bans(now: number): ReturnType<BanMirror['active']> {
    return this.#mirror.active(now);
  }

  /** Calls back, soon, whenever something may have changed, until the returned function is called. */
  follow(changed: () => void): () => void {
    this.#followers.add(changed);
    return () => void this.#followers.delete(changed);
  }

  /** Has status and hosts as of a moment ago; by itself more seldom where the server takes long for them. */
  async look(freshSeconds = Math.max(FRESH_SECONDS, this.#tookSeconds / ASKING_SHARE)): Promise<Known> {
    if (monotonicSeconds() - this.#lookedAt > freshSeconds) {
      this.#looking ??= this.#lookNow().finally(() => (this.#looking = undefined));
      // What was known a moment ago is better than a page that does not come.
      await Promise.race([
        this.#looking,
        this.#known.status === undefined ? this.#looking : setTimeout(LATE_MS),
      ]);
    }
    return this.#known;
  }

  /** Has everything as of now, as far as the server answers soon: somebody is about to do something, or just did. */
  async lookNow(): Promise<Known> {
    await this.#looking;
    this.#lookedAt = -Infinity;
    const { status } = await this.look();
    const until = monotonicSeconds() + CATCH_UP_SECONDS;
    while (status !== undefined && this.#seq < status.head && monotonicSeconds() < until)
      await this.#nextNews(CATCH_UP_SECONDS);
    this.#tell();
    return this.#known;
  }

  async #nextNews(seconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const leave = this.follow(resolve);
    const late = new AbortController();
    await Promise.race([promise, setTimeout(seconds * 1000, undefined, late)]).finally(() => late.abort());
    leave();
  }

  /** Follows until it is ended. */
  async run(): Promise<void> {
    const looking = setInterval(() => {
      if (this.#followers.size > 0) void this.look().then(() => this.#tell());
    }, FRESH_SECONDS * 1000);
    while (!this.#ending.signal.aborted) await this.#pause(await this.#hearNews());
    clearInterval(looking);
  }

  end(): void {
    this.#ending.abort();
  }

  async #lookNow(): Promise<void> {
    const began = monotonicSeconds();
    const isQuick = began - this.#thoroughAt < THOROUGH_SECONDS;
    const reply = await this.#ask('overview', isQuick ? { quick: true } : {});
    if (!isQuick) this.#thoroughAt = began;
    this.#lookedAt = monotonicSeconds();
    this.#tookSeconds = this.#lookedAt - began;
    this.#answered(reply);
    if (reply.ok) Object.assign(this.#known, reply.result as Pick<Known, 'status' | 'fleet' | 'acts'>);
  }

  /** Returns how many milliseconds to wait before the next time. */
  async #hearNews(): Promise<number> {
    if (!this.#known.isWhole && !(await this.#fill())) return AFTER_FAULT_MS;
    const args = { after: this.#seq, minutes: CHART_MINUTES, wait: NEWS_SECONDS };
    const reply = await this.#ask('news-since', args);
    this.#answered(reply);
    if (!reply.ok) return AFTER_FAULT_MS;
    const { epoch, head, isKept, events, minutes } = reply.result as NewsSince;
    this.#known.minutes = minutes;
    // A ledger that was restored, or was away for so long that what followed is not kept any more.
    if (epoch !== this.#epoch || !isKept || head < this.#seq) {
      this.#known.isWhole = false;
      return 0;
    }
    this.#take(events);
    this.#tell();
    if (events.length === 0) return 0;
    return this.#seq < head ? AFTER_FULL_MS : BETWEEN_NEWS_MS;
  }

  #take(events: readonly Event[]): void {
    this.#mirror.take(events);
    this.#seq = events.at(-1)?.seq ?? this.#seq;
    if (events.length > 0)
      this.#known.recent = [...events.toReversed(), ...this.#known.recent].slice(0, MOST_RECENT);
    const now = monotonicSeconds();
    if (now - this.#sweptAt < SWEEP_SECONDS) return;
    this.#mirror.sweep(wallSeconds());
    this.#sweptAt = now;
  }

  /** Reads all active bans, part by part; what comes meanwhile is among the news behind the head that there was first. */
  async #fill(): Promise<boolean> {
    this.#mirror.clear();
    this.#known.recent = [];
    let head: number | undefined;
    for (let after = 0; !this.#ending.signal.aborted;) {
      const reply = await this.#ask('bans-after', { after });
      this.#answered(reply);
      if (!reply.ok) return false;
      const part = reply.result as BansAfter;
      if (head === undefined) {
        head = part.head;
        this.#epoch = part.epoch;
      }
      this.#mirror.take(part.bans);
      this.#known.recent = [...part.bans.toReversed(), ...this.#known.recent].slice(0, MOST_RECENT);
      const last = part.bans.at(-1);
      if (last === undefined || part.epoch !== this.#epoch) break;
      after = last.seq;
    }
    // Also unbans are wanted in what is shown first, where they are kept.
    const { recent } = this.#known;
    const before = Math.max(0, (head ?? 0) - MOST_RECENT);
    const reply = await this.#ask('news-since', { after: before });
    if (reply.ok && (reply.result as NewsSince).isKept)
      this.#known.recent = (reply.result as NewsSince).events
        .filter(({ seq }) => seq <= (head ?? 0))
        .toReversed();
    else this.#known.recent = recent;
    this.#seq = head ?? 0;
    this.#known.isWhole = true;
    this.#tell();
    return true;
  }

  #answered(reply: AdminReply): void {
    const isSilent = !reply.ok && ['no-daemon', 'no-answer', 'no-permission'].includes(reply.code);
    const { silence } = this.#known;
    if (isSilent) {
      this.#known.silence = { since: silence?.since ?? wallSeconds(), reason: reply.reason };
      // What is known is of before.
      this.#lookedAt = -Infinity;
    } else this.#known.silence = null;
    if (isSilent !== (silence !== null)) this.#tell();
  }

  #tell(): void {
    for (const changed of this.#followers) changed();
  }

  async #pause(ms: number): Promise<void> {
    if (this.#ending.signal.aborted || ms === 0) return;
    await setTimeout(ms, undefined, this.#ending).catch(() => undefined);
  }
}
