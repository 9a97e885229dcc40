import { Request, type Dealer, type SocketOptions } from 'zeromq';
import { parseReply } from '@banshare/protocol';
import type { CurvePair } from './keys/certificate.ts';
import { watchedSocket } from './handshakes.ts';
import { untilDone } from './interrupted.ts';
import type { Sealed } from './seal.ts';
import type { Answer } from './answer.ts';

/** Whom to ask, and as whom. */
export type Peer = { endpoint: string; serverKey: string; curve: CurvePair };

/** One socket and what became of its handshake; onEnd is there while a request waits. */
type Connection = {
  socket: Request;
  refused: boolean;
  isIn: boolean;
  onEnd?: ((why: 'refused' | 'gone') => void) | undefined;
};

export const NOT_ADMITTED: Answer = {
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
   * Sends a signed request and waits for its answer, in all at most timeoutMs milliseconds. Where the connection ends
   * meanwhile, as when a server cuts all to be rid of one, it is sent once more over another: a server takes the same id once.
   * @throws when another request is still waiting: the answers would be mixed up.
   */
  async request(message: Sealed, timeoutMs: number): Promise<Answer> {
    if (this.#connection?.onEnd !== undefined) throw new Error('Cannot ask while another request waits');
    const cut = Promise.withResolvers<Answer>();
    const timer = setTimeout(() => {
      cut.resolve(unanswered(this.#peer, timeoutMs));
    }, timeoutMs);
    const first = await this.#ask(message, cut.promise);
    // A second end is none of a moment: it is waited for as if the server were silent.
    const answer = first === 'gone' ? await this.#ask(message, cut.promise) : first;
    const last = answer === 'gone' ? await cut.promise : answer;
    clearTimeout(timer);
    return last;
  }

  async #ask(message: Sealed, cut: Promise<Answer>): Promise<Answer | 'gone'> {
    const connection = this.#connection ?? open(this.#peer);
    if (connection instanceof Error)
      return { ok: false, fault: 'unreachable', reason: `no socket to ask with: ${connection.message}` };
    this.#connection = connection;
    const ended = Promise.withResolvers<Answer | 'gone'>();
    connection.onEnd = (why) => ended.resolve(why === 'refused' ? NOT_ADMITTED : 'gone');
    if (connection.refused) connection.onEnd('refused');
    const answer = await Promise.race([exchange(connection.socket, message), cut, ended.promise]);
    connection.onEnd = undefined;
    const isLost = answer === 'gone' || !answer.ok;
    if (isLost && this.#connection === connection) this.close();
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
      isIn: false,
      // libzmq gives up after a refusal, without an error on the socket.
      socket: watchedSocket(make, (what) => {
        if (what === 'refused') connection.refused = true;
        if (what === 'in') connection.isIn = true;
        // One that ends before it was in was not asked anything.
        else if (what === 'refused' || connection.isIn) connection.onEnd?.(what);
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

/** What is said of a request that had no answer in time. */
export function unanswered({ endpoint }: Peer, timeoutMs: number): Answer & { ok: false } {
  const reason = `no answer from ${endpoint} within ${(timeoutMs / 1000).toFixed(1)} s`;
  return { ok: false, fault: 'unreachable', reason };
}

/** Bytes of a frame. A page of batched events is far below this: a server that sends more is none of ours, and its connection ends. */
const LARGEST_FROM_SERVER = 8 * 1024 * 1024;

/** How a socket speaks to a server's report port. */
export function optionsOf({ serverKey, curve }: Peer): SocketOptions<Request> & SocketOptions<Dealer> {
  return {
    linger: 0,
    ipv6: true,
    immediate: true,
    maxMessageSize: LARGEST_FROM_SERVER,
    reconnectInterval: 250,
    handshakeInterval: 5000,
    curveServerKey: serverKey,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  };
}

async function exchange(socket: Request, message: Sealed): Promise<Answer | 'gone'> {
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
    // libzmq lost the connection between saying that it can be written to, and that.
    if (!socket.closed && (error as NodeJS.ErrnoException).code === 'EAGAIN') return 'gone';
    return { ok: false, fault: 'unreachable', reason: (error as Error).message };
  }
}
