import { Request } from 'zeromq';
import { parseReply, type Reply } from '@banshare/protocol';
import type { CurvePair } from './certificate.ts';

/** Whom to ask, and as whom. */
export type Peer = { endpoint: string; serverKey: string; curve: CurvePair };

/** `not-admitted`: the server does not know our key; `unreachable`: no answer in time; `unreadable`: an answer in no known form. */
export type Answer =
  | { ok: true; reply: Reply }
  | { ok: false; fault: 'not-admitted' | 'unreachable' | 'unreadable'; reason: string };

/**
 * Asks a server, one request at a time over one connection. States: unconnected, connected; after a request without an
 * answer it is unconnected again, since a REQ socket whose answer was lost can never send again.
 */
export class Requester {
  readonly #peer: Peer;
  #socket: Request | undefined;
  #refusal: Promise<string> | undefined;
  #stopWatching: (() => void) | undefined;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Begins to connect, in libzmq's own thread; calling it early lets the handshake run beside other work. */
  connect(): void {
    if (this.#socket !== undefined) return;
    const { endpoint, serverKey, curve } = this.#peer;
    const socket = new Request({
      linger: 0,
      ipv6: true,
      immediate: true,
      reconnectInterval: 250,
      handshakeInterval: 5000,
      curveServerKey: serverKey,
      curvePublicKey: curve.publicKey,
      curveSecretKey: curve.secretKey,
    });
    this.#refusal = this.#watchHandshake(socket);
    socket.connect(endpoint);
    this.#socket = socket;
  }

  /** Sends a signed request and waits for its answer, in all at most timeoutMs milliseconds. */
  async request(
    message: { subject: string; body: string; signature: Buffer; id: string },
    timeoutMs: number,
  ): Promise<Answer> {
    this.connect();
    const socket = this.#socket;
    const refusal = this.#refusal;
    if (socket === undefined || refusal === undefined) throw new Error('unconnected after connect');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Answer>((resolve) => {
      const reason = `no answer from ${this.#peer.endpoint} within ${timeoutMs / 1000} s`;
      timer = setTimeout(() => resolve({ ok: false, fault: 'unreachable', reason }), timeoutMs);
    });
    const refused = refusal.then((reason): Answer => ({ ok: false, fault: 'not-admitted', reason }));
    const answer = await Promise.race([exchange(socket, message), late, refused]);
    clearTimeout(timer);
    if (!answer.ok) this.close();
    return answer;
  }

  close(): void {
    this.#stopWatching?.();
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** Fulfilled only when the server refuses our key; libzmq then gives up without an error on the socket. */
  #watchHandshake(socket: Request): Promise<string> {
    return new Promise((resolve) => {
      socket.events.on('handshake:error:auth', () => resolve('the server does not admit this key'));
    });
  }
}

async function exchange(
  socket: Request,
  message: { subject: string; body: string; signature: Buffer; id: string },
): Promise<Answer> {
  try {
    await socket.send([message.subject, message.body, message.signature]);
    const frames = await socket.receive();
    const reply = parseReply(String(frames[0]), String(frames[1]));
    if (!reply.ok) return { ok: false, fault: 'unreadable', reason: reply.fault };
    if (reply.value.id !== message.id) {
      return { ok: false, fault: 'unreadable', reason: 'the answer belongs to another request' };
    }
    return { ok: true, reply: reply.value };
  } catch (error) {
    return { ok: false, fault: 'unreachable', reason: (error as Error).message };
  }
}
