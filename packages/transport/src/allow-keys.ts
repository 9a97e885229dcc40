import { Router } from 'zeromq';
import { untilDone } from './interrupted.ts';
import { encodeZ85 } from './keys/z85.ts';

/** ZAP's answer for a key: let in, wait and try again later, or be told no. */
export type Admission = 'admit' | 'wait' | 'refuse';

/** Decides about a CURVE key (Z85) that knocks at a domain (a port of a generation), seen from an IP address. */
export type Doorkeeper = (knock: { domain: string; key: string; address: string }) => Admission;

const CODES: Record<Admission, [code: string, text: string]> = {
  admit: ['200', 'OK'],
  wait: ['300', 'not yet admitted'],
  refuse: ['400', 'key not admitted'],
};

/**
 * Answers ZAP requests (ZeroMQ RFC 27) of every socket of this process; one process can have one, and it must stand before
 * any CURVE socket is bound. Where it fails, libzmq refuses, because listening sockets enforce their domain.
 * @throws libzmq's EADDRINUSE where there is one already.
 */
export async function answerZap(decide: Doorkeeper): Promise<{ close: () => void }> {
  const socket = untilDone(() => new Router({ linger: 0 }));
  try {
    await socket.bind('inproc://zeromq.zap.01');
  } catch (error) {
    socket.close();
    throw error;
  }
  void answerAll(socket, decide);
  return { close: () => socket.close() };
}

async function answerAll(socket: Router, decide: Doorkeeper): Promise<void> {
  for (;;) {
    let frames: Buffer[];
    try {
      frames = await socket.receive();
    } catch {
      if (socket.closed) return;
      // Whatever libzmq had, nobody would be let in any more without this handler.
      await nextTurn();
      continue;
    }
    const answer = answerOne(frames, decide);
    if (answer !== undefined) await sendOrDrop(socket, answer);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Where the answer cannot be sent, the key is not let in; zeromq.js throws when the socket was closed meanwhile. */
async function sendOrDrop(socket: Router, answer: (Buffer | string)[]): Promise<void> {
  try {
    await socket.send(answer);
  } catch {
    // Nobody waits for it any more.
  }
}

function answerOne(frames: readonly Buffer[], decide: Doorkeeper): (Buffer | string)[] | undefined {
  const delimiter = frames.findIndex((frame) => frame.length === 0);
  if (delimiter < 0) return undefined;
  const [, requestId = '', domain = '', address = '', , mechanism = '', key] = frames.slice(delimiter + 1);
  const isCurve = mechanism.toString() === 'CURVE' && key?.length === 32;
  const [code, text] =
    CODES[isCurve ? admissionOf(decide, domain.toString(), key, address.toString()) : 'refuse'];
  return [...frames.slice(0, delimiter + 1), '1.0', requestId, code, text, '', ''];
}

/** A fault in the decision must never open the door. */
function admissionOf(decide: Doorkeeper, domain: string, key: Uint8Array, address: string): Admission {
  try {
    return decide({ domain, key: encodeZ85(key), address });
  } catch {
    return 'refuse';
  }
}
