import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

/** DER wrappings of a bare Ed25519 key (RFC 8410); node:crypto takes no bare ones. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Signs texts as one host; made once from the seed (32 bytes in hex). */
export class Signer {
  readonly #key: KeyObject;

  constructor(seedHex: string) {
    const der = Buffer.concat([PRIVATE_PREFIX, Buffer.from(seedHex, 'hex')]);
    this.#key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  }

  sign(text: string): Buffer {
    return sign(null, Buffer.from(text), this.#key);
  }

  /** The Ed25519 public key in hex. */
  publicHex(): string {
    const der = createPublicKey(this.#key).export({ format: 'der', type: 'spki' });
    return der.subarray(PUBLIC_PREFIX.length).toString('hex');
  }
}

/** Checks signatures of many hosts; keeps their parsed keys, since parsing costs as much as checking. */
export class SignatureChecker {
  readonly #keys = new Map<string, KeyObject>();
  readonly #most: number;

  constructor(most = 10_000) {
    this.#most = most;
  }

  /** Whether the signature of that key (Ed25519 public, hex) covers the bytes. */
  holds(publicHex: string, signed: Buffer, signature: Buffer): boolean {
    if (signature.length !== 64) return false;
    const key = this.#keyOf(publicHex);
    return key !== undefined && verify(null, signed, key, signature);
  }

  #keyOf(publicHex: string): KeyObject | undefined {
    const known = this.#keys.get(publicHex);
    if (known !== undefined) return known;
    try {
      const der = Buffer.concat([PUBLIC_PREFIX, Buffer.from(publicHex, 'hex')]);
      const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
      if (this.#keys.size >= this.#most) this.#keys.clear();
      this.#keys.set(publicHex, key);
      return key;
    } catch {
      return undefined;
    }
  }
}
