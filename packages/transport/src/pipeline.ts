import { Dealer } from 'zeromq';
import { parseReply } from '@banshare/protocol';
import { watchedSocket, type Handshake } from './handshakes.ts';
import { untilDone } from './interrupted.ts';
import { NOT_ADMITTED, optionsOf, unanswered, type Peer } from './request.ts';
import type { Sealed } from './seal.ts';
import type { Answer } from './answer.ts';

/** One that waits for its answer; heard is how many had come when its time began. */
type Waiting = {
  message: Sealed;
  isSentAgain: boolean;
  resolve: (answer: Answer) => void;
  timer: NodeJS.Timeout;
  heardBefore: number;
};

/** One socket, and whether its handshake is over. */
type Connection = { socket: Dealer; isIn: boolean };

/**
 * Asks a server over one connection with any number of requests under way; answers come in any order, and each is known by its
 * id. States: unconnected, connected; after close() it is unconnected, and what was under way has no answer.
 */
export class Pipeline {
  readonly #peer: Peer;
  readonly #waiting = new Map<string, Waiting>();
  #connection: Connection | undefined;
  #isRefused = false;
  /** Why no socket can be had. */
  #fault: string | undefined;
  /** How many answers came. */
  #heard = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  /** Begins to connect, in libzmq's own thread. Where no socket can be had, the next request says so. */
  connect(): void {
    if (this.#connection !== undefined) return;
    this.#isRefused = false;
    this.#fault = undefined;
    let socket: Dealer | undefined;
    try {
      const connection: Connection = {
        isIn: false,
        socket: watchedSocket(
          () => new Dealer(optionsOf(this.#peer)),
          (what) => this.#told(connection, what),
        ),
      };
      ({ socket } = connection);
      untilDone(() => connection.socket.connect(this.#peer.endpoint));
      this.#connection = connection;
      void this.#receive(connection);
    } catch (error) {
      socket?.close();
      this.#fault = `no socket to ask with: ${(error as Error).message}`;
    }
  }

  /**
   * Sends a signed request and waits for its answer, until the server has said nothing at all for timeoutMs milliseconds: it
   * answers many one after the other. Where the connection ends meanwhile, it is sent once more over another.
   * @throws when a request of the same id is under way: one answer would do for both.
   */
  request(message: Sealed, timeoutMs: number): Promise<Answer> {
    if (this.#waiting.has(message.id)) throw new Error('Cannot ask the same twice at once');
    this.connect();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    // A process that got no time itself finds an answer that came meanwhile, before it calls the server silent.
    const isSilent = (): void => void setImmediate(() => this.#endIfSilent(message.id, timeoutMs));
    const timer = setTimeout(isSilent, timeoutMs);
    const waiting = { message, isSentAgain: false, resolve, timer, heardBefore: this.#heard };
    this.#waiting.set(message.id, waiting);
    if (this.#isRefused) this.#end(message.id, NOT_ADMITTED);
    else if (this.#fault !== undefined)
      this.#end(message.id, { ok: false, fault: 'unreachable', reason: this.#fault });
    else this.#send(message);
    return promise;
  }

  /** What is under way ends without an answer. */
  close(): void {
    this.#hangUp();
    this.#endAll({ ok: false, fault: 'unreachable', reason: 'the connection was closed' });
  }

  #hangUp(): void {
    this.#connection?.socket.close();
    this.#connection = undefined;
  }

  #told(connection: Connection, what: Handshake): void {
    if (this.#connection !== connection) return;
    if (what === 'in') connection.isIn = true;
    else if (what === 'refused') {
      this.#isRefused = true;
      this.#endAll(NOT_ADMITTED);
    } else if (connection.isIn) this.#askAgain();
  }

  /** What was under way over a connection that is gone has no answer; a second end is none of a moment, and is waited for. */
  #askAgain(): void {
    this.#hangUp();
    this.connect();
    for (const waiting of this.#waiting.values()) {
      if (waiting.isSentAgain) continue;
      waiting.isSentAgain = true;
      this.#send(waiting.message);
    }
  }

  /** One after the other: a second send while one is under way would be refused. */
  #send(message: Sealed): void {
    const connection = this.#connection;
    this.#sending = this.#sending.then(async () => {
      if (connection === undefined || connection !== this.#connection) return;
      try {
        await connection.socket.send(['', message.subject, message.body, message.signature]);
      } catch (error) {
        if (connection !== this.#connection) return;
        this.#end(message.id, { ok: false, fault: 'unreachable', reason: (error as Error).message });
      }
    });
  }

  async #receive(connection: Connection): Promise<void> {
    while (this.#connection === connection) {
      let frames: Buffer[];
      try {
        frames = await connection.socket.receive();
      } catch (error) {
        if (this.#connection !== connection) return;
        this.#hangUp();
        this.#endAll({ ok: false, fault: 'unreachable', reason: (error as Error).message });
        return;
      }
      this.#take(frames);
    }
  }

  #take([empty, status, body]: readonly Buffer[]): void {
    if (empty?.length !== 0 || this.#waiting.size === 0) return;
    this.#heard += 1;
    const reply = parseReply(String(status), String(body));
    if (!reply.ok) return this.#endAll({ ok: false, fault: 'unreadable', reason: reply.fault });
    const { id, reason = 'the server cannot read it' } = reply.value;
    const [only = ''] = this.#waiting.keys();
    // A server that could not read so far as the id answers without one: of several, nobody knows which is meant.
    if (id !== '') this.#end(id, { ok: true, reply: reply.value });
    else if (this.#waiting.size === 1) this.#end(only, { ok: true, reply: reply.value });
    else this.#endAll({ ok: false, fault: 'unreadable', reason });
  }

  /** Gives up what waited for its time while no other answer came either; else it waits for that time again. */
  #endIfSilent(id: string, timeoutMs: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if (waiting.heardBefore === this.#heard) this.#end(id, unanswered(this.#peer, timeoutMs));
    else {
      waiting.heardBefore = this.#heard;
      waiting.timer.refresh();
    }
  }

  #end(id: string, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    waiting.resolve(answer);
  }

  #endAll(answer: Answer): void {
    for (const id of this.#waiting.keys()) this.#end(id, answer);
  }
}
