import { randomInt } from 'node:crypto';
import { HEARTBEAT_MS, type Heartbeat, parsePublication, type Position } from '@banshare/protocol';
import { Subscription, type Peer } from '@banshare/transport';
import { wait } from '../host/wait.ts';

/** A second server is some moments behind the one that this host came from: that is none of its faults. */
const LAGS_FOR_MS = 3000;
/** A fleet does not come to look at the same moment. */
const STALE_FOR_MS = 500;
const LISTEN_MS = 2.5 * HEARTBEAT_MS;
/** Where no server can write for long, the hosts of a fleet are no burden to them. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [5000, 40_000];

/** What a scout needs to know. */
export type ScoutParts = {
  /** The other servers, in the order in which they follow. */
  others: () => readonly string[];
  /** What one of them says, or undefined where it says nothing in its time. */
  listen: (server: string, signal: AbortSignal) => Promise<Heartbeat | undefined>;
  /** Whether a server that is there has less than this host. */
  isOlder: (position: Position) => boolean;
  /** Hears which server is better than the one in use. */
  found: (server: string) => void;
};

/**
 * Looks for a better server while the one in use cannot do its work: it is stale, its database being away, or it lags, having less
 * than this host. States: idle; and looking, where it listens to the others one after the other, and looks again after a pause.
 */
export class Scout {
  readonly #parts: ScoutParts;
  readonly #signal: AbortSignal;
  #isStale = false;
  #isLagging = false;
  #isLooking = false;

  constructor(parts: ScoutParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** The server in use has said whether it is stale. */
  stale(isStale: boolean): void {
    this.#isStale = isStale;
    void this.#look();
  }

  /** It has less than this host, or no longer. */
  lags(isLagging: boolean): void {
    this.#isLagging = isLagging;
    void this.#look();
  }

  get #isNeeded(): boolean {
    return (this.#isStale || this.#isLagging) && !this.#signal.aborted;
  }

  async #look(): Promise<void> {
    if (this.#isLooking || !this.#isNeeded || this.#parts.others().length === 0) return;
    this.#isLooking = true;
    await wait(this.#isStale ? randomInt(STALE_FOR_MS) : LAGS_FOR_MS, this.#signal);
    for (let pause = FIRST_PAUSE_MS; this.#isNeeded; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const better = await this.#better();
      if (better !== undefined && this.#isNeeded) {
        this.#parts.found(better);
        break;
      }
      await wait(randomInt(pause / 2, pause), this.#signal);
    }
    this.#isLooking = false;
  }

  async #better(): Promise<string | undefined> {
    for (const server of this.#parts.others()) {
      if (!this.#isNeeded) return undefined;
      const beat = await this.#parts.listen(server, this.#signal);
      if (beat !== undefined && beat.stale !== true && !this.#parts.isOlder(beat)) return server;
    }
    return undefined;
  }
}

/** The next heartbeat of a server; undefined where none comes in time, or it does not let this host in. */
export async function nextHeartbeat(peer: Peer, signal: AbortSignal): Promise<Heartbeat | undefined> {
  let subscription: Subscription;
  try {
    subscription = new Subscription(peer, 250);
  } catch {
    // Descriptors ran out.
    return undefined;
  }
  const close = (): void => subscription.close();
  const timer = setTimeout(close, LISTEN_MS);
  signal.addEventListener('abort', close, { once: true });
  void subscription.refused.then(close);
  try {
    for (;;) {
      const message = await subscription.receive();
      if (message === undefined) return undefined;
      const read = parsePublication(message.subject, message.body);
      if (read.ok && read.value.kind === 'heartbeat') return read.value.heartbeat;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', close);
    close();
  }
}
