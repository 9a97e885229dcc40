import type { Observer, Socket } from 'zeromq';
import { isInterruption, untilDone } from './interrupted.ts';

/** What a socket tells of its connections: a handshake got `in` or was `refused` by the other side's ZAP handler; what was in is `gone`. */
export type Handshake = 'in' | 'refused' | 'gone';

const MOST_TRIES = 100;
/** Never closed: see makeWatched(). Kept here, since what is forgotten is closed too. */
const setAside: Socket[] = [];

/**
 * Makes a socket and tells of its connections until it is closed. Not by zeromq.js's own emitter: what throws there, in
 * a listener or in libzmq, is a rejection that nobody can catch, and ends the process.
 * @throws libzmq's error where no socket can be had, such as EMFILE.
 */
export function watchedSocket<S extends Socket>(make: () => S, tell: (what: Handshake) => void): S {
  const { socket, observer } = makeWatched(make);
  const listen = async (): Promise<void> => {
    // Everything is read: libzmq hangs once two thousand events wait.
    while (!observer.closed) {
      const { type } = await observer.receive();
      if (type === 'handshake') tell('in');
      if (type === 'handshake:error:auth') tell('refused');
      if (type === 'disconnect') tell('gone');
    }
  };
  // Reading ends with an error where the socket is closed meanwhile.
  listen().catch(() => undefined);
  return socket;
}

/**
 * A signal at the wrong moment leaves a socket that tells its events to nobody, and libzmq waits for ever for somebody, in
 * the thread of all connections, or in that which closes sockets. Such a one is not connected and not closed, ever, and
 * another is made; all that it costs is a descriptor.
 */
function makeWatched<S extends Socket>(make: () => S): { socket: S; observer: Observer } {
  for (let left = MOST_TRIES; ; left -= 1) {
    const socket = untilDone(make);
    try {
      return { socket, observer: socket.events };
    } catch (error) {
      setAside.push(socket);
      // The name under which one is told of, made of an address in memory, may be that of one set aside before.
      const isName = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (left === 0 || !(isInterruption(error) || isName)) throw error;
    }
  }
}
