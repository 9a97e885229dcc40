import { Subscriber } from 'zeromq';
import type { Peer } from './request.ts';

/** A page of batched events is far below this; a server that sends more is none of ours. */
const LARGEST_MESSAGE = 8 * 1024 * 1024;

/**
 * A subscription to everything that a server publishes. It reconnects by itself, except after a refusal of its key, which
 * libzmq takes as final: then, and when the heartbeat is missing, the owner closes it and makes another.
 */
export class Subscription {
  readonly #socket: Subscriber;
  /** Fulfilled when the server refuses our key. */
  readonly refused: Promise<void>;

  /** @param reconnectMs milliseconds between tries; each host takes another number, so that a fleet does not knock in step. */
  constructor(peer: Peer, reconnectMs: number) {
    this.#socket = new Subscriber({
      linger: 0,
      ipv6: true,
      receiveHighWaterMark: 10_000,
      maxMessageSize: LARGEST_MESSAGE,
      reconnectInterval: reconnectMs,
      handshakeInterval: 5000,
      heartbeatInterval: 10_000,
      heartbeatTimeout: 30_000,
      curveServerKey: peer.serverKey,
      curvePublicKey: peer.curve.publicKey,
      curveSecretKey: peer.curve.secretKey,
    });
    this.refused = new Promise((resolve) => {
      this.#socket.events.on('handshake:error:auth', () => resolve());
    });
    this.#socket.connect(peer.endpoint);
    this.#socket.subscribe();
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
