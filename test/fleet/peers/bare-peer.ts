import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import sodium from 'libsodium-wrappers';
import type { CurvePair } from '@banshare/transport';
import { bytesOfZ85 } from './z85.ts';

/** A key pair as bytes. */
type Pair = { publicKey: Uint8Array; privateKey: Uint8Array };

/**
 * The client side of CurveZMQ (RFC 26) written out, for what libzmq does not let a peer do: it sends no frame of a message
 * before the last one is there.
 */
export class BarePeer {
  readonly #socket: Socket;
  readonly #precomputed: Uint8Array;
  #nonce = 2n;

  private constructor(socket: Socket, precomputed: Uint8Array) {
    this.#socket = socket;
    this.#precomputed = precomputed;
  }

  /** Connects, as a socket of that type, and shakes hands. @throws when the server hangs up, or says no. */
  static async connect(
    port: number,
    serverKey: string,
    curve: CurvePair,
    socketType: string,
  ): Promise<BarePeer> {
    await sodium.ready;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const read = reader(socket);
    socket.write(greeting());
    await read(64);
    const server = bytesOfZ85(serverKey);
    const long: Pair = { publicKey: bytesOfZ85(curve.publicKey), privateKey: bytesOfZ85(curve.secretKey) };
    const short: Pair = sodium.crypto_box_keypair();
    socket.write(frame(4, hello(server, short)));
    const welcome = await readFrame(read);
    const plain = open(welcome.subarray(24), `WELCOME-`, welcome.subarray(8, 24), server, short.privateKey);
    const [shortServer, cookie] = [plain.subarray(0, 32), plain.subarray(32)];
    socket.write(frame(4, initiate({ server, shortServer, cookie, long, short, socketType })));
    const answer = await readFrame(read);
    if (!answer.subarray(1).toString('latin1').startsWith('READY'))
      throw new Error('the server does not let this key in');
    return new BarePeer(socket, sodium.crypto_box_beforenm(shortServer, short.privateKey));
  }

  /** What a stranger who knows the server's public key says first; the server answers each time, at the cost of a box. */
  static async hello(serverKey: string): Promise<Buffer> {
    await sodium.ready;
    const short: Pair = sodium.crypto_box_keypair();
    return Buffer.concat([greeting(), frame(4, hello(bytesOfZ85(serverKey), short))]);
  }

  /** Sends one frame, whose message goes on as long as `more`; resolves when the kernel has room for the next. */
  async send(content: Uint8Array, more: boolean): Promise<void> {
    this.#nonce += 1n;
    const nonce = counter(this.#nonce);
    const plain = Buffer.concat([Buffer.of(more ? 1 : 0), content]);
    const box = sodium.crypto_box_easy_afternm(
      plain,
      Buffer.concat([Buffer.from('CurveZMQMESSAGEC'), nonce]),
      this.#precomputed,
    );
    const hasRoom = this.#socket.write(frame(0, Buffer.concat([word('MESSAGE'), nonce, box])));
    if (!hasRoom && !this.#socket.destroyed) await room(this.#socket);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  close(): void {
    this.#socket.destroy();
  }
}

function greeting(): Buffer {
  const bytes = Buffer.alloc(64);
  bytes[0] = 0xff;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('CURVE', 12);
  return bytes;
}

function hello(server: Uint8Array, short: Pair): Buffer {
  const nonce = counter(1n);
  const box = seal(Buffer.alloc(64), 'CurveZMQHELLO---', nonce, server, short.privateKey);
  return Buffer.concat([word('HELLO'), Buffer.of(1, 0), Buffer.alloc(72), short.publicKey, nonce, box]);
}

function initiate(parts: {
  server: Uint8Array;
  shortServer: Uint8Array;
  cookie: Uint8Array;
  long: Pair;
  short: Pair;
  socketType: string;
}): Buffer {
  const { server, shortServer, cookie, long, short, socketType } = parts;
  const vouchNonce = sodium.randombytes_buf(16);
  const vouch = seal(
    Buffer.concat([short.publicKey, server]),
    'VOUCH---',
    vouchNonce,
    shortServer,
    long.privateKey,
  );
  const metadata = Buffer.concat([property('Socket-Type', socketType), property('Identity', '')]);
  const plain = Buffer.concat([long.publicKey, vouchNonce, vouch, metadata]);
  const nonce = counter(2n);
  const box = seal(plain, 'CurveZMQINITIATE', nonce, shortServer, short.privateKey);
  return Buffer.concat([word('INITIATE'), cookie, nonce, box]);
}

function seal(
  plain: Uint8Array,
  prefix: string,
  nonce: Uint8Array,
  to: Uint8Array,
  from: Uint8Array,
): Uint8Array {
  return sodium.crypto_box_easy(plain, Buffer.concat([Buffer.from(prefix), nonce]), to, from);
}

function open(
  box: Uint8Array,
  prefix: string,
  nonce: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
): Uint8Array {
  return sodium.crypto_box_open_easy(box, Buffer.concat([Buffer.from(prefix), nonce]), from, to);
}

/** A ZMTP frame; flags 4 is a command. */
function frame(flags: number, body: Uint8Array): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.of(flags, body.length), body]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(body.length));
  return Buffer.concat([Buffer.of(flags | 2), length, body]);
}

function word(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
}

function property(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([word(name), length, Buffer.from(value)]);
}

function counter(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** Reads so many bytes at a time. @throws when the other side hangs up. */
function reader(socket: Socket): (count: number) => Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  let wake: () => void = () => undefined;
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  socket.on('close', () => wake());
  return async (count) => {
    while (bytes.length < count) {
      if (socket.destroyed) throw new Error('the server hung up');
      await new Promise<void>((resolve) => (wake = resolve));
    }
    const taken = bytes.subarray(0, count);
    bytes = bytes.subarray(count);
    return taken;
  };
}

/** Waits until there is room to write, or the connection is gone. */
function room(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

async function readFrame(read: (count: number) => Promise<Buffer>): Promise<Buffer> {
  const [flags = 0] = await read(1);
  const length = (flags & 2) === 0 ? (await read(1))[0]! : Number((await read(8)).readBigUInt64BE());
  return read(length);
}
