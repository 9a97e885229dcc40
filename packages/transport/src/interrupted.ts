/** A signal takes a moment; whoever is interrupted so often is not interrupted by signals. */
const MOST_TRIES = 100;

/**
 * Calls into libzmq until a signal does not interrupt it. Every call that makes or connects a socket, or sets or reads an
 * option, goes through here: a child that ends while one is under way would else end the daemon (EINTR). What is tried again
 * has done nothing before. zeromq.js itself tries bind, unbind, send and receive again; to watch a socket is a case of its own
 * (handshakes.ts).
 * @throws whatever else the call throws.
 */
export function untilDone<T>(call: () => T): T {
  for (let left = MOST_TRIES; ; left -= 1) {
    try {
      return call();
    } catch (error) {
      if (left === 0 || !isInterruption(error)) throw error;
    }
  }
}

/** Whether a signal came in between. */
export function isInterruption(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EINTR';
}
