import { setImmediate } from 'node:timers/promises';
import type { ReportPort } from '@banshare/transport';

/** Messages handled in one go at most: more would make the first of them wait too long for its answer. */
const MOST_AT_ONCE = 256;

/**
 * Takes messages from the port until it is closed and hands over, again and again, all that have arrived meanwhile: while one
 * batch is committed, the next one gathers. At most MOST_AT_ONCE wait here; the others stay in libzmq's bounded queues.
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
    if (batch.length > 0) await handle(batch);
    if (isClosed) return;
  }
}
