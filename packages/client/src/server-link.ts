import { randomBytes } from 'node:crypto';
import type { Envelope, RequestKind } from '@banshare/protocol';
import { wallSeconds } from '@banshare/runtime';
import { Requester, seal, Signer, type Answer, type CurvePair, type Identity } from '@banshare/transport';

/** Where the server is at the moment: its name resolved, or through loopback. */
export type ServerAddress = { reportEndpoint: string; publishEndpoint: string; serverKey: string };

/** Asks the server as one key: signs each request, one at a time. */
export class ServerLink {
  readonly #requester: Requester;
  readonly #signer: Signer;
  readonly #key: string;
  readonly #serverKey: string;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param curve what ZAP sees: the host's own pair, or the join pair while it enrols. */
  constructor(server: ServerAddress, identity: Identity, curve: CurvePair = identity.curve) {
    this.#requester = new Requester({ endpoint: server.reportEndpoint, serverKey: server.serverKey, curve });
    this.#signer = new Signer(identity.seedHex);
    this.#key = identity.publicHex;
    this.#serverKey = server.serverKey;
  }

  /** Asks once it is this request's turn; one that proves something about its envelope is made from that. */
  ask(request: RequestKind | ((envelope: Envelope) => RequestKind), timeoutMs: number): Promise<Answer> {
    const turn = this.#turn.then((): Answer | Promise<Answer> => {
      // Whoever waited for a turn meanwhile must not open the connection again.
      if (this.#isClosed) return { ok: false, fault: 'unreachable', reason: 'the connection is closed' };
      const envelope = {
        id: randomBytes(16).toString('hex'),
        at: wallSeconds(),
        key: this.#key,
        to: this.#serverKey,
      };
      const made = typeof request === 'function' ? request(envelope) : request;
      return this.#requester.request(seal(envelope, made, this.#signer), timeoutMs);
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  close(): void {
    this.#isClosed = true;
    this.#requester.close();
  }
}
