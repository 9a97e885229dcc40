import { randomBytes } from 'node:crypto';
import type { Envelope, RequestKind } from '@banshare/protocol';
import { wallSeconds } from '@banshare/runtime';
import { Requester, Sealer, type Answer, type CurvePair, type Identity } from '@banshare/transport';

/** Where the server is at the moment: its name resolved, or through loopback. */
export type ServerAddress = { reportEndpoint: string; publishEndpoint: string; serverKey: string };

/** What is known of whether a server takes MACs, and where that is noted: the reporter goes by it too. */
export type Taking = { takesMac: () => boolean; note: (takesMac: boolean) => void };

/** What is to be asked; what proves something about its envelope is made from that. */
type Question = RequestKind | ((envelope: Envelope) => RequestKind);

const SIGNED: Taking = { takesMac: () => false, note: () => undefined };

/** Asks the server as one key: seals each request, one at a time. */
export class ServerLink {
  readonly #requester: Requester;
  readonly #sealer: Sealer;
  readonly #taking: Taking;
  readonly #heard: (isAnswered: boolean) => void;
  readonly #key: string;
  readonly #serverKey: string;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /**
   * @param curve what ZAP sees: the host's own pair, or the join pair while it enrols.
   * @param taking without it everything is signed.
   * @param heard hears of each question whether the server has answered it at all.
   */
  constructor(
    server: ServerAddress,
    identity: Identity,
    curve: CurvePair = identity.curve,
    taking: Taking = SIGNED,
    heard: (isAnswered: boolean) => void = () => undefined,
  ) {
    this.#requester = new Requester({ endpoint: server.reportEndpoint, serverKey: server.serverKey, curve });
    this.#sealer = new Sealer(identity, server.serverKey, taking.takesMac());
    this.#taking = taking;
    this.#heard = heard;
    this.#key = identity.publicHex;
    this.#serverKey = server.serverKey;
  }

  /** Asks once it is this request's turn, in at most timeoutMs milliseconds for each try. */
  ask(question: Question, timeoutMs: number): Promise<Answer> {
    const turn = this.#turn.then((): Answer | Promise<Answer> => {
      // Whoever waited for a turn meanwhile must not open the connection again.
      if (this.#isClosed) return { ok: false, fault: 'unreachable', reason: 'the connection is closed' };
      return this.#ask(question, timeoutMs);
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  close(): void {
    this.#isClosed = true;
    this.#requester.close();
  }

  async #ask(question: Question, timeoutMs: number): Promise<Answer> {
    const first = await this.#send(question, timeoutMs);
    if (!this.#isClosed) this.#heard(first.ok || first.fault !== 'unreachable');
    if (this.#sealer.hasToSign(first)) {
      this.#taking.note(false);
      return this.#send(question, timeoutMs);
    }
    if (first.ok && first.reply.status === 'OK' && saysMac(first.reply.fields['takes'])) this.#learn();
    return first;
  }

  /** Noted again where the note is gone, as when /run was wiped. */
  #learn(): void {
    if (this.#taking === SIGNED) return;
    this.#sealer.takesMac = true;
    if (!this.#taking.takesMac()) this.#taking.note(true);
  }

  #send(question: Question, timeoutMs: number): Promise<Answer> {
    const envelope = {
      id: randomBytes(16).toString('hex'),
      at: wallSeconds(),
      key: this.#key,
      to: this.#serverKey,
    };
    const request = typeof question === 'function' ? question(envelope) : question;
    return this.#requester.request(this.#sealer.seal(envelope, request), timeoutMs);
  }
}

/** A server says in an answer what else it takes, in words. */
function saysMac(takes: unknown): boolean {
  return typeof takes === 'string' && takes.split(' ').includes('mac');
}
