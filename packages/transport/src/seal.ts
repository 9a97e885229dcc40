import { coveredByMac, encodeRequest, signedText, type Envelope, type RequestKind } from '@banshare/protocol';
import type { Identity } from './keys/key-making.ts';
import { Mac } from './keys/mac.ts';
import { Signer } from './keys/signature.ts';
import type { Answer } from './answer.ts';

/** A request ready to be sent: its frames, and the id that its answer must carry. The signature may be a MAC. */
export type Sealed = { id: string; subject: string; body: string; signature: Buffer };

/** Signs a request as the host whose key the envelope names. */
export function seal(envelope: Envelope, request: RequestKind, signer: Signer): Sealed {
  const { subject, body } = encodeRequest(envelope, request);
  return { id: envelope.id, subject, body, signature: signer.sign(signedText(subject, body)) };
}

/** Makes MACs, with a key that is derived or was kept. */
type Maker = { of: (covered: string) => Buffer };

/** Puts a MAC instead of the signature. */
export function sealByMac(envelope: Envelope, request: RequestKind, mac: Maker): Sealed {
  const { subject, body } = encodeRequest(envelope, request);
  return { id: envelope.id, subject, body, signature: mac.of(coveredByMac(subject, body)) };
}

/** The kinds that may carry a MAC; what changes keys is signed, so that others than the server can check it. */
const BY_MAC: ReadonlySet<RequestKind['kind']> = new Set(['report', 'unban', 'ack', 'sync']);

/**
 * Seals the requests of one host to one server: by MAC where that server is known to take it, else by signature. States: by MAC;
 * and, after the server refused one as a server of an earlier version does, or from the start, signing.
 */
export class Sealer {
  readonly #identity: Pick<Identity, 'seedHex' | 'curve'>;
  readonly #serverKey: string;
  #mac: Maker | undefined;
  #signer: Signer | undefined;

  /**
   * What it needs is derived here, and not with the first request: a reporter's handshake runs meanwhile.
   * @param mac whether the server takes MACs, or what makes them.
   */
  constructor(identity: Pick<Identity, 'seedHex' | 'curve'>, serverKey: string, mac: boolean | Maker) {
    this.#identity = identity;
    this.#serverKey = serverKey;
    if (typeof mac === 'object') this.#mac = mac;
    else if (mac) this.takesMac = true;
    else this.#signer = new Signer(identity.seedHex);
  }

  get takesMac(): boolean {
    return this.#mac !== undefined;
  }

  set takesMac(takes: boolean) {
    if (takes === this.takesMac) return;
    this.#mac = takes ? new Mac(this.#identity.curve.secretKey, this.#serverKey) : undefined;
  }

  seal(envelope: Envelope, request: RequestKind): Sealed {
    if (this.#mac !== undefined && BY_MAC.has(request.kind)) return sealByMac(envelope, request, this.#mac);
    this.#signer ??= new Signer(this.#identity.seedHex);
    return seal(envelope, request, this.#signer);
  }

  /** Whether a request is worth being sealed and sent again, since the server took no MAC; from then on all are signed. */
  hasToSign(answer: Answer): boolean {
    if (!this.takesMac || !answer.ok || answer.reply.code !== 'signature') return false;
    this.takesMac = false;
    return true;
  }
}
