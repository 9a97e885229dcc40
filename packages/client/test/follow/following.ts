import type { Position } from '@banshare/protocol';
import { makeIdentity, Subscription } from '@banshare/transport';
import { type FollowEnd, Follower } from '../../src/follow/follow.ts';
import { ServerLink } from '../../src/server/server-link.ts';
import { HandMadeServer } from '../hand-made-server.ts';
import type { News } from '../../src/bans/news.ts';

const identity = await makeIdentity();
export const WITHIN_MS = 20_000;

/** A follower and what it delivered, in short; a test waits for a delivery. */
export class Follow implements AsyncDisposable {
  readonly news: string[] = [];
  readonly faults: string[] = [];
  readonly heard: number[] = [];
  readonly ended: Promise<FollowEnd>;
  readonly #subscription: Subscription;
  readonly #link: ServerLink;
  readonly #waiting = new Set<() => void>();

  constructor(
    server: HandMadeServer,
    position?: Position,
    silentAfterMs = WITHIN_MS,
    snapshotBytes?: number,
  ) {
    const { address } = server;
    const peer = { endpoint: address.publishEndpoint, serverKey: address.serverKey, curve: identity.curve };
    this.#subscription = new Subscription(peer, 50);
    this.#link = new ServerLink(address, identity);
    const note = (list: unknown[], item: unknown): void => {
      list.push(item);
      for (const wake of this.#waiting) wake();
    };
    const follower = new Follower({
      subscription: this.#subscription,
      link: this.#link,
      position,
      take: (news) => note(this.news, newsText(news)),
      heard: (now) => note(this.heard, now),
      fault: (text) => note(this.faults, text),
      silentAfterMs,
      snapshotBytes,
    });
    this.ended = follower.follow();
  }

  /** The same event by event: what has arrived together is delivered together. */
  get taken(): string[] {
    return this.news.flatMap((text) => (/^[\d?,]+$/.test(text) ? text.split(',') : [text]));
  }

  /** Waits until this holds, looking again at each delivery. */
  async until(holds: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(WITHIN_MS);
    while (!holds()) {
      const woken = Promise.withResolvers<void>();
      this.#waiting.add(woken.resolve);
      const fail = (): void =>
        woken.reject(new Error(`in vain; news: ${this.news.join(' | ')}; ${this.faults.join(' | ')}`));
      late.addEventListener('abort', fail);
      await woken.promise;
      late.removeEventListener('abort', fail);
      this.#waiting.delete(woken.resolve);
    }
  }

  /** Waits for a piece of news that was not there before. */
  async next(news: string): Promise<void> {
    const from = this.#read;
    await this.until(() => this.news.indexOf(news, from) >= 0);
    this.#read = this.news.indexOf(news, from) + 1;
  }

  #read = 0;

  close(): void {
    this.#subscription.close();
    this.#link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.ended;
  }
}

function newsText(news: News): string {
  if (news.kind === 'in-step') return `in-step ${news.position.seq}`;
  if (news.kind === 'events')
    return news.events.map(({ seq, kind }) => (kind === 'unknown' ? `${seq}?` : seq)).join();
  if (news.kind === 'lagging') return `lagging ${news.position.seq} over ${news.head}`;
  return `snapshot ${news.bans.map(({ seq }) => seq).join()} @${news.position.seq}`;
}

/** A server with some history and a follower that is in step with it, and hears nothing but what the test publishes. */
export async function inStep(
  count: number,
): Promise<{ server: HandMadeServer; follow: Follow } & AsyncDisposable> {
  const server = await HandMadeServer.start();
  server.record(count);
  server.beat();
  const follow = new Follow(server, server.head);
  await follow.next(`in-step ${count}`);
  server.hush();
  return {
    server,
    follow,
    [Symbol.asyncDispose]: async () => {
      await follow[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
