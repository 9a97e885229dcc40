import { curveKeyPair, Dealer, type Subscriber } from 'zeromq';
import { encodeReply, parseRequest } from '@banshare/protocol';
import {
  answerZap,
  readIncoming,
  ReportPort,
  seal,
  Signer,
  type Admission,
  type CurvePair,
  type Doorkeeper,
  type Incoming,
  type Listening,
  type Sealed,
} from '../src/index.ts';
import { takePort } from '../../../test/fleet/ports.ts';

const signer = new Signer('01'.repeat(32));
let nextId = 0;

/** A signed request with an id of its own. */
export function request(to: string): Sealed {
  nextId += 1;
  const id = nextId.toString(16).padStart(32, '0');
  return seal({ id, at: 1_795_257_600, key: signer.publicHex(), to }, { kind: 'sync', limit: 1 }, signer);
}

/** The one ZAP handler of this process, whose rule each test sets. */
export class Doorman {
  rule: Doorkeeper = () => 'admit';
  readonly knocks: Parameters<Doorkeeper>[0][] = [];
  #close: () => void = () => undefined;

  async stand(): Promise<this> {
    const zap = await answerZap((knock): Admission => {
      this.knocks.push(knock);
      return this.rule(knock);
    });
    this.#close = zap.close;
    return this;
  }

  leave(): void {
    this.#close();
  }
}

export function onLoopback(domain: string, curve: CurvePair, port = 0): Listening {
  return { domain, curve, address: '127.0.0.1', port };
}

/** What a server answers to one request; undefined is silence. */
export type Responder = (incoming: Incoming, id: string) => string[] | undefined;

export function accept(_incoming: Incoming, id: string): string[] {
  return encodeReply({ status: 'OK', id, now: 1, verdict: 'accepted' });
}

/** Answers what comes to a report port until that is closed. */
export async function serve(port: ReportPort, respond: Responder = accept): Promise<void> {
  for (;;) {
    const frames = await port.receive();
    if (frames === undefined) return;
    const incoming = readIncoming(frames);
    if ('fault' in incoming) continue;
    const parsed = parseRequest(incoming.subject, incoming.body);
    const answer = respond(incoming, parsed.ok ? parsed.value.id : '');
    if (answer !== undefined) await port.answer(incoming.envelope, answer);
  }
}

/** A report port that answers, on a free or given port of loopback; closed, it can be opened there again. */
export async function openServer(
  curve: CurvePair,
  respond: Responder = accept,
  port = takePort(),
): Promise<{ endpoint: string; close: () => void }> {
  const door = new ReportPort();
  const endpoint = await listenAgain(door, onLoopback('report', curve, port));
  void serve(door, respond);
  return { endpoint, close: () => door.close() };
}

/** Binds a port that a socket just closed; libzmq gives it back in a thread of its own and does not tell when. */
async function listenAgain(door: ReportPort, to: Listening): Promise<string> {
  for (;;) {
    try {
      return await door.listen(to);
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE') throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/**
 * How libzmq ends a handshake with that key, as the client sees it; `gone` when the server hangs up without a word. Kind
 * must fit the door: libzmq hangs up on any other. Patience is longer than a handshake takes on any machine, unless the answer is
 * none: then the client hangs up when it is over.
 */
export async function knock(
  endpoint: string,
  serverKey: string,
  curve: CurvePair = curveKeyPair(),
  Kind: typeof Dealer | typeof Subscriber = Dealer,
  patienceMs = 10_000,
): Promise<'in' | 'refused' | 'gone'> {
  const socket = new Kind({
    linger: 0,
    handshakeInterval: patienceMs,
    curveServerKey: serverKey,
    curvePublicKey: curve.publicKey,
    curveSecretKey: curve.secretKey,
  });
  try {
    return await new Promise((resolve) => {
      socket.events.on('handshake', () => resolve('in'));
      socket.events.on('handshake:error:auth', () => resolve('refused'));
      socket.events.on('handshake:error:other', () => resolve('gone'));
      socket.events.on('handshake:error:protocol', () => resolve('gone'));
      socket.events.on('disconnect', () => resolve('gone'));
      socket.connect(endpoint);
    });
  } finally {
    socket.close();
  }
}
