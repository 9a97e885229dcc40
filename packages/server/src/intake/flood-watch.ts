import { descriptorLimit, descriptorsLeft, monotonicSeconds } from '@banshare/runtime';
import type { Host } from '../words/hosts/host.ts';

/**
 * What libzmq and other native code may hold. A message reaches this program only when its last frame is there, and no
 * option of libzmq limits their number: one valid key can fill 200 MB in a second. JavaScript's own memory does not count,
 * since a long list that an operator asked for is no flood.
 */
const NATIVE_CAP_BYTES = 400 * 1024 * 1024;
const WATCH_MS = 100;
const MOST_NAMED = 5;
/** Who came in with a join key is suspected for so long. */
const JOINED_SECONDS = 60;
const JOINER =
  'or whoever has the join key (banshare-server enrolment closed shuts it out) or a token (banshare-server token list)';

/** What is known of a flood of the report port. */
type Flood = { mebibytes: number; suspects: string[] };

/** What is done about it: `memory` and `out` once, `few` each time that nearly all descriptors are taken. */
export type FloodRelief = { memory: (flood: Flood) => void; few: () => void; out: () => void };

/** Watches what the report port costs, and remembers who came in and has not said a whole message since. */
export class FloodWatch {
  readonly #mute = new Set<Host>();
  #joinedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** A host was let in at the report port. */
  knocked(host: Host): void {
    this.#mute.delete(host);
    this.#mute.add(host);
  }

  /** Somebody was let in with a join key, by which nobody can be told from others. */
  joined(): void {
    this.#joinedAt = monotonicSeconds();
  }

  /** A host said something whole. */
  spoke(host: Host): void {
    this.#mute.delete(host);
  }

  start(relief: FloodRelief): { stop: () => void } {
    const limit = descriptorLimit();
    this.#timer = setInterval(() => {
      const left = descriptorsLeft(limit);
      if (left === 'out') {
        this.#stop();
        relief.out();
        return;
      }
      if (left === 'few') relief.few();
      const bytes = nativeBytes();
      if (bytes <= NATIVE_CAP_BYTES) return;
      this.#stop();
      const suspects: string[] = [...this.#mute].slice(-MOST_NAMED).map(({ name }) => name);
      if (monotonicSeconds() - this.#joinedAt < JOINED_SECONDS) suspects.push(JOINER);
      relief.memory({ mebibytes: Math.round(bytes / 1_048_576), suspects });
    }, WATCH_MS);
    return { stop: () => this.#stop() };
  }

  #stop(): void {
    clearInterval(this.#timer);
  }
}

function nativeBytes(): number {
  try {
    const { rss, heapTotal, external } = process.memoryUsage();
    return rss - heapTotal - external;
  } catch {
    // It reads a file, for which there may be no descriptor at the moment.
    return 0;
  }
}
