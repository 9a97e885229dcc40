import { Subscriber } from 'zeromq';
import { watchedSocket } from './handshakes.ts';
import { untilDone } from './interrupted.ts';
import { TCP_WATCH } from './listen.ts';
import type { Peer } from './request.ts';

/**
 * Bytes of a frame, and messages that libzmq holds before they are read: of two frames each, as a server's are, that is 200 MiB at most, of
 * the 768 MiB that a client's unit has. libzmq knows no bound for the frames of one message. Every version puts 200 events into a message,
 * which take 0.5 MB where all their texts are as long as a server makes them. What has no room here waits at the server, which drops
 * what it has no room for, and then the subscriber asks for it by sync.
 */
const LARGEST_PUBLISHED = 1024 * 1024;
const MOST_WAITING = 100;

/**
 * A subscription to everything that a server publishes. It reconnects by itself, except after a refusal of its key, which
 * libzmq takes as final: then, and when the heartbeat is missing, the owner closes it and makes another.
 */
export class Subscription {
  readonly #socket: Subscriber;
  /** Fulfilled when the server refuses our key. */
  readonly refused: Promise<void>;

  /**
   * @param reconnectMs milliseconds between tries; each host takes another number, so that a fleet does not knock in step.
   * @throws libzmq's error where no socket can be had, such as EMFILE.
   */
  constructor(peer: Peer, reconnectMs: number) {
    const options = {
      ...TCP_WATCH,
      linger: 0,
      ipv6: true,
      receiveHighWaterMark: MOST_WAITING,
      maxMessageSize: LARGEST_PUBLISHED,
      reconnectInterval: reconnectMs,
      handshakeInterval: 5000,
      curveServerKey: peer.serverKey,
      curvePublicKey: peer.curve.publicKey,
      curveSecretKey: peer.curve.secretKey,
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.refused = promise;
    const make = (): Subscriber => new Subscriber(options);
    const socket = watchedSocket(make, (what) => {
      if (what === 'refused') resolve();
    });
    this.#socket = socket;
    try {
      untilDone(() => socket.connect(peer.endpoint));
      untilDone(() => socket.subscribe());
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** The next message; undefined once the subscription is closed. */
  async receive(): Promise<{ subject: string; body: string } | undefined> {
    try {
      const [subject, body] = await this.#socket.receive();
      return { subject: String(subject), body: String(body ?? '') };
    } catch {
      return undefined;
    }
  }

  close(): void {
    this.#socket.close();
  }
}
