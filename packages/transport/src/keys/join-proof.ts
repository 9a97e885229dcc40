import { createHmac, timingSafeEqual } from 'node:crypto';
import { sharedKey } from './shared-key.ts';

/** What HKDF is told, so that nothing else that is derived from a pair of CURVE keys is ever the same key. */
const LABELS = { 'join key': 'banshare/join/1', token: 'banshare/token/1' } as const;

/**
 * What a generation's join key, or a token, and the server share: X25519 of the one's secret and the other's public key is the same on both
 * sides, and nobody else can reckon it. Made once; the key for the HMAC is derived here.
 */
export class JoinProof {
  readonly #key: Buffer;

  /** @param secretKey one's own (Z85). @param publicKey the other's (Z85). @throws where that is a point of small order. */
  constructor(secretKey: string, publicKey: string, of: keyof typeof LABELS = 'join key') {
    this.#key = sharedKey(secretKey, publicKey, LABELS[of]);
  }

  /** The proof of a text, 64 hex digits. */
  of(text: string): string {
    return this.#mac(text).toString('hex');
  }

  /** Whether whoever made the proof (hex) of that text has one of the two secrets; takes the same time for any proof. */
  holds(text: string, proof: string): boolean {
    const given = Buffer.from(proof, 'hex');
    const right = this.#mac(text);
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}
