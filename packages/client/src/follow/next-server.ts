import { randomInt } from 'node:crypto';
import { HEARTBEAT_MS } from '@banshare/protocol';
import type { Subscription } from '@banshare/transport';
import type { ServerAddress } from '../server/server-link.ts';

/** A server of which nothing was heard for so long may be gone; one that only starts again is back before that. */
const QUIET_MS = 3 * HEARTBEAT_MS;
/** Hosts of a fleet that lost their server at once do not come to another at once. */
const SPREAD_MS = 500;

/** A subscription at a server that is not in use yet, and by which of this host's keys it listens. */
export type Listening = {
  readonly server: string;
  readonly key: string;
  readonly at: ServerAddress & { ip: string };
  readonly subscription: Subscription;
};

/** Whom to listen to next, and how. */
export type NextParts = {
  /** The server that would follow; undefined where there is no other. */
  next: () => string | undefined;
  /** Begins to listen; undefined where that cannot be. */
  listen: (server: string) => Promise<Listening | undefined>;
};

/**
 * Listens to the next server before the one in use is given up: the search for it and the handshake take a busy machine a second, and the next
 * heartbeat is up to another away, both of which are over by then. States: at rest, while there is no connection; listening to the server in use alone, from
 * its last word on; and listening to the next one too, until the one in use is heard again, or left.
 */
export class NextServer {
  readonly #parts: NextParts;
  #timer: NodeJS.Timeout | undefined;
  #listening: Listening | undefined;
  /** What is being looked up is of no use any more once this has moved on. */
  #turn = 0;

  constructor(parts: NextParts) {
    this.#parts = parts;
  }

  /** The server in use was just heard, or is just being connected to. */
  heard(): void {
    this.close();
    const turn = this.#turn;
    this.#timer = setTimeout(() => void this.#begin(turn), QUIET_MS + randomInt(SPREAD_MS));
  }

  /** Whether a server is listened to already. */
  isAt(server: string): boolean {
    return this.#listening?.server === server;
  }

  /** The server in use is left: hands over what listens to that one, by that key, and is at rest. */
  take(server: string, key: string): Listening | undefined {
    const listening = this.#listening;
    const isThat = listening?.server === server && listening.key === key;
    if (isThat) this.#listening = undefined;
    this.close();
    return isThat ? listening : undefined;
  }

  /** Is at rest. */
  close(): void {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#listening?.subscription.close();
    this.#listening = undefined;
  }

  async #begin(turn: number): Promise<void> {
    const server = this.#parts.next();
    if (server === undefined) return;
    const listening = await this.#parts.listen(server);
    if (this.#turn === turn) this.#listening = listening;
    else listening?.subscription.close();
  }
}
