// Runs inside the network namespace of a lab host. A line of input is [id, wish]; its answer is the line "id word".
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import type { Attempt, Wish } from './agent.ts';

for await (const line of createInterface({ input: process.stdin })) {
  const [id, wish] = JSON.parse(line) as [number, Wish];
  const answer = wish.do === 'listen' ? listen(wish.port) : tryToConnect(wish);
  void answer.then(
    (word) => console.log(`${id} ${word}`),
    (error: NodeJS.ErrnoException) => console.log(`${id} ${error.code ?? String(error)}`),
  );
}
process.exit();

async function listen(port: number): Promise<'listening'> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.destroy();
  });
  server.listen(port, '::');
  await once(server, 'listening');
  return 'listening';
}

async function tryToConnect(wish: Extract<Wish, { do: 'connect' }>): Promise<Attempt> {
  const socket = connect({ host: wish.to, port: wish.port, localAddress: wish.from });
  const patience = new AbortController();
  // On a busy machine both may have come while this process waited for its turn: what the kernel has to tell counts then.
  const timer = setTimeout(() => setImmediate(() => patience.abort()), wish.patienceMs);
  try {
    await once(socket, 'connect', { signal: patience.signal });
    return 'connected';
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    if (name === 'AbortError' || code === 'ETIMEDOUT') return 'silence';
    if (code === 'ECONNREFUSED') return 'refused';
    throw error;
  } finally {
    clearTimeout(timer);
    // Later errors of this socket, such as a reset, tell nothing more.
    socket.on('error', () => {});
    socket.destroy();
  }
}
