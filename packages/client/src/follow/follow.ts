import { hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  type Event,
  type Heartbeat,
  nextTail,
  parsePublication,
  parseSyncAnswer,
  type Position,
  type Publication,
  SYNC_PAGE,
  type SyncAnswer,
  type SyncRequest,
  type UnknownEvent,
} from '@banshare/protocol';
import type { Subscription } from '@banshare/transport';
import { MOST_IN_A_GO } from '../host/in-parts.ts';
import type { ServerLink } from '../server/server-link.ts';
import type { News } from '../bans/news.ts';
import { SnapshotPages } from './snapshot-pages.ts';

type Message = { subject: string; body: string };

const NOTHING_MORE = Symbol('nothing more');

/** Why following ended: the owner rebuilds its sockets and follows again from its position. */
export type FollowEnd = 'silent' | 'refused' | 'closed';

/** What a follower is told from outside. Times are milliseconds, now is the server's epoch seconds. */
export type FollowParts = {
  subscription: Pick<Subscription, 'receive' | 'refused'>;
  link: Pick<ServerLink, 'ask'>;
  position: Position | undefined;
  /** A server of one of these epochs lags. */
  leftEpochs?: readonly string[];
  /** The next piece waits until this one is written. */
  take: (news: News) => void | Promise<void>;
  /** Hears that more is missing, at the beginning of catching up and before each piece. */
  missing?: () => void;
  heard: (now: number) => void;
  /** Hears each heartbeat before what follows from it. */
  beat?: (heartbeat: Heartbeat) => void;
  fault: (text: string) => void;
  silentAfterMs: number;
  /** What the bans of a snapshot may take in memory; without it what this process has. */
  snapshotBytes?: number | undefined;
};

/** Messages that are taken together at most, where so many have arrived, and characters of theirs: what is longer is taken in parts. */
const MOST_MESSAGES = 500;
const MOST_TEXT = 4 * 1024 * 1024;
const SYNC_TIMEOUT_MS = 5000;

/**
 * Follows the fleet. States: waiting for the first heartbeat, since a subscription is only certain from then on; in step,
 * where the next event continues the position; and catching up, where the server is asked for what is missing. Whatever does
 * not continue the position (a gap, a new epoch, a head ahead or behind, another tail) leads to catching up. Messages that
 * arrive meanwhile wait in the socket and are ignored where sync has brought them already. A server of our epoch that has
 * less than we have lags, being an older copy of itself: nothing is taken from it until its head has passed our position. So does one
 * of an epoch that we left.
 */
export class Follower {
  readonly #parts: FollowParts;
  #position: Position | undefined;
  #isHeard = false;
  #isInStep = false;
  /** The server said that it has less than we have; its heartbeats say when that is over. */
  #isLagging = false;
  /** What the server answered did not continue our position: everything is asked for. */
  #isDoubted = false;
  /** Ends the wait for the next message; renewed each time. */
  #interrupt: (end: FollowEnd) => void = () => undefined;
  #isRefused = false;
  /** The message that is waited for; one that nobody took yet must not be lost. */
  #coming: Promise<Message | undefined> | undefined;
  /** Over once the event loop had a turn since the last batch. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Events that continue our position, up to it, and were not delivered yet. */
  #gathered: (Event | UnknownEvent)[] = [];

  constructor(parts: FollowParts) {
    this.#parts = parts;
    this.#position = parts.position;
  }

  /** Follows until the server is silent, refuses this host's key, or the subscription is closed. */
  async follow(): Promise<FollowEnd> {
    void this.#parts.subscription.refused.then(() => {
      this.#isRefused = true;
      this.#interrupt('refused');
    });
    for (;;) {
      const message = await this.#next();
      if (typeof message === 'string') return message;
      for (const each of await this.#withWhatArrived(message)) await this.#read(each);
      await this.#deliver();
    }
  }

  async #read({ subject, body }: Message): Promise<void> {
    const publication = parsePublication(subject, body);
    if (publication.ok) await this.#hear(publication.value);
    else {
      this.#isInStep = false;
      this.#parts.fault(`The server published something unreadable: ${publication.fault}`);
    }
  }

  /**
   * A message and those that have arrived behind it, which are taken together. Messages come without a turn of the event loop
   * where the socket has them: between two such batches timers and commands have theirs. A message after a rest waits for nothing.
   */
  async #withWhatArrived(first: Message): Promise<Message[]> {
    await this.#turn;
    const messages = [first];
    let text = lengthOf(first);
    const rest = nothingMore();
    while (messages.length < MOST_MESSAGES && text < MOST_TEXT) {
      const next = await Promise.race([this.#receive(), rest]);
      // Of a subscription that was closed the next receive tells again.
      if (next === NOTHING_MORE || next === undefined) break;
      this.#coming = undefined;
      messages.push(next);
      text += lengthOf(next);
    }
    this.#turn = setImmediate();
    return messages;
  }

  #receive(): Promise<Message | undefined> {
    return (this.#coming ??= this.#parts.subscription.receive());
  }

  /** The next message or why there is none. Not a race with `refused`: that promise would keep every message for ever. */
  #next(): Promise<FollowEnd | Message> {
    return new Promise((resolve) => {
      const end = (next: FollowEnd | Message): void => {
        clearTimeout(timer);
        resolve(next);
      };
      const timer = setTimeout(end, this.#parts.silentAfterMs, 'silent');
      this.#interrupt = end;
      if (this.#isRefused) end('refused');
      void this.#receive().then((message) => {
        this.#coming = undefined;
        end(message ?? 'closed');
      });
    });
  }

  async #hear(publication: Publication): Promise<void> {
    if (publication.kind === 'heartbeat') {
      this.#parts.heard(publication.heartbeat.now);
      this.#parts.beat?.(publication.heartbeat);
      this.#isHeard = true;
      if (this.#isLagging && this.#isOlder(publication.heartbeat)) return;
      this.#isLagging = false;
      if (this.#isDoubted || !isSame(this.#position, publication.heartbeat)) await this.#catchUp();
      else if (!this.#isInStep) await this.#stepIn(publication.heartbeat);
      return;
    }
    if (!this.#isHeard) return;
    const fresh = publication.events.filter((event) => !this.#isKnown(event));
    if (fresh.length === 0) return;
    if (this.#continues(fresh)) this.#take(fresh);
    else await this.#catchUp();
  }

  /** What sync has brought already; the same seq with another tail is another history. */
  #isKnown(event: Position): boolean {
    const position = this.#position;
    if (this.#isDoubted || position?.epoch !== event.epoch) return false;
    return event.seq < position.seq || (event.seq === position.seq && event.tail === position.tail);
  }

  #continues(events: readonly (Event | UnknownEvent)[]): boolean {
    let before = this.#position;
    for (const event of events) {
      if (before?.epoch !== event.epoch || event.seq !== before.seq + 1) return false;
      // Of an unknown kind of event the tail cannot be reckoned; the next one's is.
      if (event.kind !== 'unknown' && nextTail(sha256Hex, before.tail, event) !== event.tail) return false;
      before = event;
    }
    return true;
  }

  #take(events: readonly (Event | UnknownEvent)[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    this.#position = positionOf(last);
    this.#gathered = this.#gathered.concat(events);
  }

  /** Delivers what was taken; to be called before any other news. */
  async #deliver(): Promise<void> {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (let from = 0; from < gathered.length; from += MOST_IN_A_GO) {
      if (from > 0) await setImmediate();
      const events = gathered.slice(from, from + MOST_IN_A_GO);
      const last = events.at(-1);
      if (last !== undefined) await this.#parts.take({ kind: 'events', events, position: positionOf(last) });
    }
  }

  async #stepIn(position: Position): Promise<void> {
    await this.#deliver();
    this.#isInStep = true;
    await this.#parts.take({ kind: 'in-step', position: positionOf(position) });
  }

  /** Asks for what is missing, page after page; where that fails, the next heartbeat leads here again. */
  async #catchUp(): Promise<void> {
    await this.#deliver();
    this.#isInStep = false;
    let hasSnapshot = false;
    for (;;) {
      this.#parts.missing?.();
      const answer = await this.#ask(this.#from());
      if (answer === undefined) return;
      // An older server answers with a snapshot of what it has.
      if (this.#isOlder(answer.head)) {
        await this.#lag(answer.head.seq, answer.head.epoch);
        return;
      }
      if (answer.kind === 'snapshot') {
        if (hasSnapshot) {
          this.#parts.fault('The server answered sync with a snapshot again, though we hold the one before');
          return;
        }
        if (!(await this.#takeSnapshot(answer))) return;
        hasSnapshot = true;
        continue;
      }
      if (answer.events.length > 0) {
        if (!this.#continues(answer.events)) {
          this.#parts.fault('The server answered sync with events that do not continue our position');
          this.#isDoubted = true;
          return;
        }
        this.#take(answer.events);
        await this.#deliver();
      }
      if (this.#position === undefined || this.#position.seq >= answer.head.seq) break;
      if (answer.events.length === 0) {
        this.#parts.fault('The server answered sync with no events, though its head is ahead of us');
        return;
      }
    }
    if (this.#position !== undefined) await this.#stepIn(this.#position);
  }

  async #lag(head: number, epoch?: string): Promise<void> {
    const position = this.#position;
    if (position === undefined) return;
    this.#isLagging = true;
    const left = epoch !== undefined && epoch !== position.epoch ? ({ isOfLeftEpoch: true } as const) : {};
    await this.#parts.take({ kind: 'lagging', position, head, ...left });
  }

  #isOlder(position: Position): boolean {
    return isOlder(position, this.#position, this.#parts.leftEpochs ?? []);
  }

  #from(): Omit<SyncRequest, 'kind' | 'limit'> {
    return this.#position === undefined || this.#isDoubted ? {} : sinceOf(this.#position);
  }

  async #takeSnapshot(first: SyncAnswer & { kind: 'snapshot' }): Promise<boolean> {
    const pages = new SnapshotPages(this.#parts.snapshotBytes);
    for (let page = first; ;) {
      const fault = pages.add(page);
      if (fault !== undefined) {
        this.#parts.fault(fault);
        return false;
      }
      const { next } = page;
      if (next === undefined) break;
      this.#parts.missing?.();
      const answer = await this.#ask({ epoch: first.head.epoch, snapshot: first.head.seq, next });
      // Another head means another snapshot (the epoch changed on the way): start again.
      if (answer?.kind !== 'snapshot' || !isSame(answer.head, first.head)) return false;
      page = answer;
    }
    this.#position = positionOf(first.head);
    this.#isDoubted = false;
    const because = first.because === undefined ? {} : { because: first.because };
    await this.#parts.take({ kind: 'snapshot', bans: pages.bans, position: this.#position, ...because });
    return true;
  }

  async #ask(from: Omit<SyncRequest, 'kind' | 'limit'>): Promise<SyncAnswer | undefined> {
    const answer = await this.#parts.link.ask({ kind: 'sync', ...from, limit: SYNC_PAGE }, SYNC_TIMEOUT_MS);
    if (answer.ok && answer.reply.code === 'behind') {
      this.#parts.heard(answer.reply.now);
      await this.#lag(answer.reply.seq ?? 0);
      return undefined;
    }
    if (!answer.ok || answer.reply.status !== 'OK') {
      this.#parts.fault(
        `Cannot catch up: ${answer.ok ? (answer.reply.reason ?? answer.reply.status) : answer.reason}`,
      );
      return undefined;
    }
    this.#parts.heard(answer.reply.now);
    const sync = parseSyncAnswer(answer.reply.fields);
    if (!sync.ok) this.#parts.fault(`Cannot catch up: ${sync.fault}`);
    return sync.ok ? sync.value : undefined;
  }
}

function lengthOf({ subject, body }: Message): number {
  return subject.length + body.length;
}

/** Resolves once everything that is there already was received: that takes promises, and no turn of the event loop. */
function nothingMore(): Promise<typeof NOTHING_MORE> {
  return new Promise((resolve) => process.nextTick(resolve, NOTHING_MORE));
}

function sinceOf(position: Position): Omit<SyncRequest, 'kind' | 'limit'> {
  return { epoch: position.epoch, since: position.seq, tail: position.tail };
}

function positionOf({ epoch, seq, tail }: Position): Position {
  return { epoch, seq, tail };
}

function isSame(one: Position | undefined, other: Position): boolean {
  if (one === undefined) return false;
  return one.epoch === other.epoch && one.seq === other.seq && one.tail === other.tail;
}

/** Whether a server that is there has less than we have: it lies before ours in the same epoch, or is of an epoch that we left. */
export function isOlder(one: Position, ours: Position | undefined, leftEpochs: readonly string[]): boolean {
  return isBefore(one, ours) || (ours !== undefined && leftEpochs.includes(one.epoch));
}

/** Whether a position lies before ours in the same epoch. */
function isBefore(one: Position, ours: Position | undefined): boolean {
  return ours?.epoch === one.epoch && one.seq < ours.seq;
}

function sha256Hex(text: string): string {
  return hash('sha256', text);
}
