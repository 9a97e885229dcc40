import { randomInt } from 'node:crypto';
import { createServer, type ListenOptions } from 'node:net';

/**
 * Below what Linux gives to whoever connects (32768 to 60999): a server that starts again would find its port taken there now and
 * then, even by a host that knocks at it meanwhile and meets itself. And below what `make regen` chooses from.
 */
const [FIRST, LAST] = [10_000, 19_999];

/** A port that nobody has. It is this process's until that ends: tests that run beside it take others. */
export function takePort(): number {
  for (let left = LAST - FIRST; left > 0; left -= 1) {
    const port = randomInt(FIRST, LAST + 1);
    // A name in this network that ends with the process; of whoever asks for it first alone.
    const claim = listening({ path: `\0banshare-test-port-${port}` });
    if (claim === undefined) continue;
    const look = listening({ port });
    look?.close();
    if (look !== undefined) return port;
    claim.close();
  }
  throw new Error(`Cannot find a free port from ${FIRST} to ${LAST}`);
}

/** A server that listens; Node binds at once, and only tells of it later. */
function listening(to: ListenOptions): ReturnType<typeof createServer> | undefined {
  const server = createServer().on('error', () => undefined);
  server.listen({ ...to, exclusive: true });
  server.unref();
  return server.listening ? server : undefined;
}
