import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { pickleWords, unpickle, type Pickled } from './pickle.ts';

/**
 * Why fail2ban gave no answer: `down`, nothing listens; `busy`, it did not answer in time; `lost`, it hung up; `raised`, it
 * refused the request; `unreadable`, it answered what this program does not know.
 */
export type TalkFault = 'down' | 'busy' | 'lost' | 'raised' | 'unreadable';

export class TalkError extends Error {
  readonly fault: TalkFault;
  /** The name of fail2ban's exception. */
  readonly raised: string;

  constructor(fault: TalkFault, message: string, raised = '') {
    super(message);
    this.fault = fault;
    this.raised = raised;
  }
}

const TRY_AGAIN_MS = 10;
const END = Buffer.from('<F2B_END_COMMAND>');
const CLOSE = Buffer.from('<F2B_CLOSE_COMMAND><F2B_END_COMMAND>');
/** A jail of half a million addresses takes 20 MB. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

type Waiting = { resolve: (answer: Pickled) => void; reject: (error: TalkError) => void };

/** One connection to fail2ban's socket. Requests may follow one another at once; answers come in their order. */
export class Talk implements Disposable {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  #received: Buffer = Buffer.alloc(0);
  #failed: TalkError | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Connects; where others wait already, for up to a second, since fail2ban's queue holds very few. @throws TalkError `down`
   * where nothing listens, `busy` where its queue stays full.
   */
  static async open(path: string, timeoutMs: number): Promise<Talk> {
    for (let triesLeft = Math.min(1000, timeoutMs) / TRY_AGAIN_MS; ; triesLeft -= 1) {
      try {
        return await Talk.#open(path, timeoutMs);
      } catch (error) {
        if (!(error instanceof TalkError) || error.fault !== 'busy' || triesLeft <= 0) throw error;
        await setTimeout(TRY_AGAIN_MS);
      }
    }
  }

  static #open(path: string, timeoutMs: number): Promise<Talk> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('connect', () => resolve(new Talk(socket, timeoutMs)));
      socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
        const isFull = code === 'EAGAIN';
        const busy = `fail2ban is busy: too many wait at "${path}"`;
        const down = `fail2ban does not run: ${WHY[code] ?? code} "${path}"`;
        reject(isFull ? new TalkError('busy', busy) : new TalkError('down', down));
      });
    });
  }

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    socket.on('data', (chunk: Buffer) => this.#hear(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () =>
      this.#fail(new TalkError('lost', 'fail2ban hung up: it was stopped or restarted')),
    );
  }

  /** Asks, and resolves with what fail2ban returns. @throws TalkError. */
  ask(words: readonly string[]): Promise<Pickled> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) {
        reject(this.#failed);
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#watch();
      this.#socket.write(Buffer.concat([pickleWords(words), END]));
    });
  }

  [Symbol.dispose](): void {
    this.#watch(false);
    if (this.#failed === undefined) this.#socket.end(CLOSE);
    this.#socket.unref();
  }

  #watch(isWaiting = this.#waiting.length > 0): void {
    clearTimeout(this.#timer);
    if (!isWaiting) return;
    const seconds = this.#timeoutMs / 1000;
    this.#timer = globalThis.setTimeout(
      () => this.#fail(new TalkError('busy', `fail2ban is busy: it gave no answer within ${seconds} s`)),
      this.#timeoutMs,
    );
  }

  #fail(error: TalkError): void {
    this.#failed ??= error;
    this.#watch(false);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failed);
  }

  #hear(chunk: Buffer): void {
    const searched = Math.max(0, this.#received.length - END.length);
    this.#received = Buffer.concat([this.#received, chunk]);
    for (let at = this.#received.indexOf(END, searched); at !== -1; at = this.#received.indexOf(END)) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) {
        this.#fail(new TalkError('unreadable', 'fail2ban answers what was not asked'));
        return;
      }
      answer(this.#received.subarray(0, at), waiting);
      this.#received = this.#received.subarray(at + END.length);
      this.#watch();
    }
    if (this.#received.length > LONGEST_ANSWER)
      this.#fail(new TalkError('unreadable', 'fail2ban answers without an end'));
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no socket',
  ECONNREFUSED: 'nothing listens at the socket',
  EACCES: 'this program may not use the socket',
};

function answer(bytes: Buffer, { resolve, reject }: Waiting): void {
  try {
    resolve(resultIn(unpickle(bytes)));
  } catch (error) {
    const { message } = error as Error;
    const unreadable = new TalkError('unreadable', `Cannot read what fail2ban answers: ${message}`);
    reject(error instanceof TalkError ? error : unreadable);
  }
}

/** An answer is (0, RESULT) or (1, EXCEPTION). */
function resultIn(read: Pickled): Pickled {
  const [status, value] = read.is === 'tuple' && read.items.length === 2 ? read.items : [];
  const number = status?.is === 'number' ? status.number : undefined;
  if (number === 0 && value !== undefined && value.is !== 'raised' && value.is !== 'name') return value;
  if (number !== 1 || value?.is !== 'raised') throw new Error('it is neither a result nor a refusal');
  const [why] = value.args;
  const words = why?.is === 'text' ? why.text : '';
  throw new TalkError('raised', `fail2ban refuses: ${value.name} ${words}`.trim(), value.name);
}
