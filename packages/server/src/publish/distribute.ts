import { encodeEvents, type Event, type Position } from '@banshare/protocol';
import { portOf, type Listening } from '@banshare/transport';
import { FanOutChild } from './fan-out-child.ts';
import type { Outage } from '../words/outage.ts';

/** Events of one commit up to here travel as messages of their own, which subscribers can filter by prefix. */
const MOST_SINGLE = 8;
const MOST_IN_BATCH = 200;
const RESTART_DELAYS_MS = [0, 250, 1000, 2000];

/** What the rest of the server may want to know of the fan-out. */
export type FanOutNotices = {
  lost: (reason: string) => void;
  opened: (endpoints: readonly string[]) => void;
};

/**
 * Publishes through the fan-out child, and starts it anew whenever it dies, hangs or outgrows its cap. What is published
 * meanwhile is not lost: the next heartbeat names a head that subscribers do not have, and they ask sync.
 */
export class Distributor {
  readonly #program: { path: string; args: readonly string[] };
  readonly #keys: () => string[];
  readonly #head: () => Position;
  readonly #now: () => number;
  readonly #notices: FanOutNotices;
  #endpoints: readonly Listening[];
  #child: FanOutChild | undefined;
  #isClosed = false;
  #failures = 0;
  #outage: Outage | null = null;
  #isStale = false;

  constructor(parts: {
    program: { path: string; args: readonly string[] };
    endpoints: readonly Listening[];
    keys: () => string[];
    head: () => Position;
    now: () => number;
    notices: FanOutNotices;
  }) {
    this.#program = parts.program;
    this.#endpoints = parts.endpoints;
    this.#keys = parts.keys;
    this.#head = parts.head;
    this.#now = parts.now;
    this.#notices = parts.notices;
  }

  /** Opens the publish port and returns its endpoints, one a generation. @throws when it cannot be opened at the first try. */
  async open(): Promise<readonly string[]> {
    const bound = await this.#start();
    // A restarted child must come back at the ports that were taken where 0 was asked for.
    this.#endpoints = this.#endpoints.map((to, index) => ({ ...to, port: portOf(bound[index] ?? '') }));
    return bound;
  }

  /** Whether heartbeats say that hosts shall look for another server. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Publishes committed events in their order. */
  distribute(events: readonly Event[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    const { epoch, seq, tail } = last;
    this.#child?.tell({ word: 'publish', messages: messagesOf(events), position: { epoch, seq, tail } });
  }

  /** Has the heartbeat name the ledger's head, for events that are committed and were not published. */
  announce(): void {
    this.#child?.tell({ word: 'publish', messages: [], position: this.#head() });
  }

  /**
   * Says in each heartbeat, from this moment on, whether this server is stale: its database is away, and it can commit nothing. Hosts
   * that have other servers then look for one that is not.
   */
  stale(isStale: boolean): void {
    if (isStale === this.#isStale) return;
    this.#isStale = isStale;
    this.#child?.tell({ word: 'stale', stale: isStale });
  }

  /** Lets a host's key in at the publish port; resolves once it is, or once no child lives (the next one starts with it). */
  async admit(key: string): Promise<void> {
    await this.#child?.admit(key);
  }

  /** Shuts a key out: every subscriber is cut and comes back by itself, except the one that is no longer let in. */
  expel(key: string): void {
    this.#child?.tell({ word: 'expel', key });
  }

  /** Closes the publish port of a domain, now and in every child to come; nothing listens there once it resolves. */
  async closeDomain(domain: string): Promise<void> {
    this.#endpoints = this.#endpoints.filter((to) => to.domain !== domain);
    await this.#child?.close(domain);
  }

  /** Since when nothing is published; null where it is. */
  get outage(): Outage | null {
    return this.#outage;
  }

  /** The process id of the child that runs or starts. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#child?.end();
  }

  /**
   * Starts a child, which hears from its first moment who is let in and who is not: its words come in their order. Told only
   * once its port is open, it would refuse who was told `accepted` a moment before.
   */
  async #start(): Promise<readonly string[]> {
    const child = new FanOutChild(this.#program);
    const opened = child.open({
      endpoints: [...this.#endpoints],
      keys: this.#keys(),
      position: this.#head(),
      now: this.#now(),
      stale: this.#isStale,
    });
    this.#child = child;
    const bound = await opened;
    this.#failures = 0;
    this.#outage = null;
    // What the ledger took back or took on by itself meanwhile was not published: heartbeats must name it all the same.
    this.announce();
    void child.ended.then((reason) => this.#restart(reason));
    this.#notices.opened(bound);
    return bound;
  }

  #restart(reason: string): void {
    this.#child = undefined;
    if (this.#isClosed) return;
    this.#notices.lost(reason);
    this.#outage = { since: this.#outage?.since ?? this.#now(), reason };
    const delay = RESTART_DELAYS_MS[Math.min(this.#failures, RESTART_DELAYS_MS.length - 1)];
    this.#failures += 1;
    setTimeout(() => {
      if (this.#isClosed) return;
      this.#start().catch((error: unknown) => this.#restart((error as Error).message));
    }, delay);
  }
}

function messagesOf(events: readonly Event[]): [subject: string, body: string][] {
  if (events.length <= MOST_SINGLE) return events.map((event) => encodeEvents([event]));
  const messages: [string, string][] = [];
  for (let first = 0; first < events.length; first += MOST_IN_BATCH) {
    messages.push(encodeEvents(events.slice(first, first + MOST_IN_BATCH)));
  }
  return messages;
}
