import { Request, type SocketOptions } from 'zeromq';
import { parseReply, type Reply } from '@banshare/protocol';
import type { CurvePair } from './certificate.ts';
import { watchedSocket } from './handshakes.ts';
import { untilDone } from './interrupted.ts';
import type { Sealed } from './seal.ts';

/** Whom to ask, and as whom. */
export type Peer = { endpoint: string; serverKey: string; curve: CurvePair };

/** `not-admitted`: the server does not know our key; `unreachable`: no answer in time; `unreadable`: an answer in no known form. */
export type Answer =
  | { ok: true; reply: Reply }
  | { ok: false; fault: 'not-admitted' | 'unreachable' | 'unreadable'; reason: string };

/** One socket and what became of its handshake; onRefusal is there while a request waits. */
type Connection = { socket: Request; refused: boolean; onRefusal?: (() => void) | undefined };

const NOT_ADMITTED: Answer = {
  ok: false,
  fault: 'not-admitted',
  reason: 'the server does not admit this key',
};

/**
 * Asks a server, one request at a time over one connection. States: unconnected, connected; after a request without an
 * answer it is unconnected again, since a REQ socket whose answer was lost can never send again.
 */
export class Requester {
  readonly #peer: Peer;
  #connection: Connection | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /**
   * Begins to connect, in libzmq's own thread; calling it early lets the handshake run beside other work. Where no socket can
   * be had, the next request says so.
   */
  connect(): void {
    const connection = this.#connection ?? open(this.#peer);
    if (!(connection instanceof Error)) this.#connection = connection;
  }

  /**
   * Sends a signed request and waits for its answer, in all at most timeoutMs milliseconds.
   * @throws when another request is still waiting: the answers would be mixed up.
   */
  async request(message: Sealed, timeoutMs: number): Promise<Answer> {
    const connection = this.#connection ?? open(this.#peer);
    if (connection instanceof Error)
      return { ok: false, fault: 'unreachable', reason: `no socket to ask with: ${connection.message}` };
    this.#connection = connection;
    if (connection.onRefusal !== undefined) throw new Error('Cannot ask while another request waits');
    const cut = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => {
      const reason = `no answer from ${this.#peer.endpoint} within ${(timeoutMs / 1000).toFixed(1)} s`;
      cut.resolve({ ok: false, fault: 'unreachable', reason });
    }, timeoutMs);
    connection.onRefusal = () => cut.resolve(NOT_ADMITTED);
    if (connection.refused) connection.onRefusal();
    const answer = await Promise.race([exchange(connection.socket, message), cut.promise]);
    clearTimeout(timer);
    connection.onRefusal = undefined;
    if (!answer.ok && this.#connection === connection) this.close();
    return answer;
  }

  close(): void {
    this.#connection?.socket.close();
    this.#connection = undefined;
  }
}

/** An error is libzmq's own, such as EMFILE: it must not end a daemon that only asks. */
function open(peer: Peer): Connection | Error {
  const make = (): Request => new Request(optionsOf(peer));
  try {
    const connection: Connection = {
      refused: false,
      // libzmq gives up after a refusal, without an error on the socket.
      socket: watchedSocket(make, (what) => {
        if (what === 'in') return;
        connection.refused = true;
        connection.onRefusal?.();
      }),
    };
    return connected(connection, peer.endpoint);
  } catch (error) {
    return error as Error;
  }
}

function connected(connection: Connection, endpoint: string): Connection {
  try {
    untilDone(() => connection.socket.connect(endpoint));
    return connection;
  } catch (error) {
    connection.socket.close();
    throw error;
  }
}

function optionsOf({ serverKey, curve }: Peer): SocketOptions<Request> {
  return {
    linger: 0,
    ipv6: true,
    immediate: true,
    reconnectInterval: 250,
    handshakeInterval: 5000,
    curveServerKey: serverKey,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  };
}

async function exchange(socket: Request, message: Sealed): Promise<Answer> {
  try {
    await socket.send([message.subject, message.body, message.signature]);
    const frames = await socket.receive();
    const reply = parseReply(String(frames[0]), String(frames[1]));
    if (!reply.ok) return { ok: false, fault: 'unreadable', reason: reply.fault };
    // A server that could not read so far as the id answers without one.
    const { id, status } = reply.value;
    if (id === message.id || (id === '' && status === 'REFUSED')) return { ok: true, reply: reply.value };
    return { ok: false, fault: 'unreadable', reason: 'the answer belongs to another request' };
  } catch (error) {
    return { ok: false, fault: 'unreachable', reason: (error as Error).message };
  }
}
