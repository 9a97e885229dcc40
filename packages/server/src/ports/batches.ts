import { setImmediate } from 'node:timers/promises';
import type { ReportPort } from '@banshare/transport';

/** Messages handled in one go at most: more would make the first of them wait too long for its answer. */
const MOST_AT_ONCE = 256;

/** So many messages are handled at most before the first of them is done. */
const MOST_UNDER_WAY = 512;

/**
 * Takes messages from the port until it is closed and hands over, again and again, all that have arrived meanwhile. What is handed over
 * while an earlier batch still waits for its commit is proven by then, and is in the next one as a whole. At most MOST_AT_ONCE wait here
 * and MOST_UNDER_WAY behind; the others stay in libzmq's bounded queues.
 */
export async function pump(
  port: Pick<ReportPort, 'receive'>,
  handle: (messages: Buffer[][]) => Promise<void>,
): Promise<void> {
  const waiting: Buffer[][] = [];
  let isClosed = false;
  let arrived = Promise.withResolvers<void>();
  let taken = Promise.withResolvers<void>();
  const receiveAll = async (): Promise<void> => {
    for (;;) {
      const frames = await port.receive();
      if (frames === undefined) break;
      waiting.push(frames);
      arrived.resolve();
      if (waiting.length >= MOST_AT_ONCE) await taken.promise;
    }
    isClosed = true;
    arrived.resolve();
  };
  void receiveAll();
  let turn: Promise<unknown> = Promise.resolve();
  const underWay = new UnderWay(() => arrived.resolve());
  for (;;) {
    await arrived.promise;
    // Between two batches the event loop has a turn; at rest that is long over, and one report waits for nothing.
    await turn;
    // Everything that is there already comes in by promises alone.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    turn = setImmediate();
    const batch = waiting.splice(0);
    arrived = Promise.withResolvers();
    taken.resolve();
    taken = Promise.withResolvers();
    if (batch.length > 0) underWay.add(batch.length, handle(batch));
    await underWay.below(isClosed ? 1 : MOST_UNDER_WAY);
    if (isClosed) return;
  }
}

/** The messages that are handed over and not done; `failing` is called when a handler has thrown. */
class UnderWay {
  readonly #failing: () => void;
  #count = 0;
  #failed: { error: unknown } | undefined;
  #less = Promise.withResolvers<void>();

  constructor(failing: () => void) {
    this.#failing = failing;
  }

  add(count: number, done: Promise<void>): void {
    this.#count += count;
    void done
      .catch((error: unknown) => {
        this.#failed = { error };
        this.#failing();
      })
      .then(() => {
        this.#count -= count;
        this.#less.resolve();
        this.#less = Promise.withResolvers();
      });
  }

  /** Resolves once there are fewer than so many. @throws what a handler threw */
  async below(most: number): Promise<void> {
    while (this.#count >= most && this.#failed === undefined) await this.#less.promise;
    if (this.#failed !== undefined) throw this.#failed.error;
  }
}
