import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { RealFail2ban } from './real-fail2ban.ts';

const END = Buffer.from('<F2B_END_COMMAND>');

/** What the versions answer differently from 1.0, byte for byte as they were seen to. */
const ANSWERS: Readonly<Record<string, readonly [asked: RegExp, hex: string][]>> = {
  '0.11.1': [
    [/^version$/, '8005950e000000000000004b008c06302e31312e319486942e'],
    // (1, Exception('Invalid command')): for both forms of the question.
    [
      /^banned |^get \S+ banned /,
      '80059534000000000000004b018c086275696c74696e73948c09457863657074696f6e9493948c0f496e76616c696420636f6d6d616e64948594529486942e',
    ],
  ],
  '0.11.2': [[/^version$/, '8005950e000000000000004b008c06302e31312e329486942e']],
};

/** A real fail2ban behind a socket that answers as an earlier version does. */
export class OldFail2ban implements AsyncDisposable {
  readonly socket: string;
  /** What was asked that this version does not know: each time is a line in its log. */
  readonly refused: string[] = [];
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  static async in(real: RealFail2ban, version: '0.11.1' | '0.11.2'): Promise<OldFail2ban> {
    const old = new OldFail2ban(real, version);
    await new Promise<void>((resolve) => old.#server.listen(old.socket, resolve));
    return old;
  }

  private constructor(real: RealFail2ban, version: string) {
    this.socket = join(real.path, 'old.sock');
    this.#server = createServer((client) => this.#serve(client, connect(real.socket), version));
  }

  /** One request after the other, each answered before the next is looked at. */
  #serve(client: Socket, real: Socket, version: string): void {
    for (const socket of [client, real]) {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        real.destroy();
      });
    }
    let asked = Buffer.alloc(0);
    let isWaiting = false;
    let answered = Buffer.alloc(0);
    const next = (): void => {
      const end = asked.indexOf(END);
      if (isWaiting || end === -1) return;
      const request = asked.subarray(0, end + END.length);
      asked = asked.subarray(end + END.length);
      const own = this.#answer(version, wordsIn(request));
      if (own !== undefined) {
        client.write(Buffer.concat([own, END]));
        next();
        return;
      }
      isWaiting = true;
      real.write(request);
    };
    client.on('data', (chunk: Buffer) => {
      asked = Buffer.concat([asked, chunk]);
      next();
    });
    real.on('data', (chunk: Buffer) => {
      answered = Buffer.concat([answered, chunk]);
      if (answered.indexOf(END) === -1) return;
      client.write(answered);
      answered = Buffer.alloc(0);
      isWaiting = false;
      next();
    });
  }

  #answer(version: string, words: string): Buffer | undefined {
    const known = ANSWERS[version]?.find(([asked]) => asked.test(words));
    if (known !== undefined && words !== 'version') this.refused.push(words);
    return known === undefined ? undefined : Buffer.from(known[1], 'hex');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The texts of a request: each has an opcode and a length of four bytes before it. */
function wordsIn(request: Buffer): string {
  const words: string[] = [];
  for (let at = 4; request[at] === 0x58;) {
    const length = request.readUInt32LE(at + 1);
    words.push(request.toString('utf8', at + 5, at + 5 + length));
    at += 5 + length;
  }
  return words.join(' ');
}
