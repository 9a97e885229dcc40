import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { hmacSha256 } from './sha256.ts';
import { sharedKey } from './shared-key.ts';

/** Bytes of a MAC in a request's third frame; a signature has 64. */
export const MAC_BYTES = 32;

const LABEL = 'banshare/mac/1';

/** What a host and a server say to each other instead of a signature, which costs the server fifty times as much. */
export class Mac {
  /** Of a key that is given as bytes node:crypto makes such an object each time, for four times as long as the MAC itself takes. */
  readonly #key: KeyObject;

  /** @param secretKey one's own CURVE key (Z85). @param publicKey the other's (Z85). @throws where that is a point of small order. */
  constructor(secretKey: string, publicKey: string) {
    this.#key = createSecretKey(sharedKey(secretKey, publicKey, LABEL));
  }

  /** What a host may keep, as secret as its key, so that the next program need not derive it. */
  get keyHex(): string {
    return this.#key.export().toString('hex');
  }

  of(covered: string | Buffer): Buffer {
    return createHmac('sha256', this.#key).update(covered).digest();
  }

  /** Whether whoever made it has one of the two secrets; takes the same time for any. */
  holds(covered: Buffer, mac: Buffer): boolean {
    return mac.length === MAC_BYTES && timingSafeEqual(mac, this.of(covered));
  }
}

/** Makes MACs with a key that was kept: nothing has to be derived, and node:crypto not loaded, for a program that makes one. */
export class KeptMac {
  readonly #key: Buffer;

  /** @param keyHex what Mac.keyHex was. */
  constructor(keyHex: string) {
    this.#key = Buffer.from(keyHex, 'hex');
  }

  of(covered: string): Buffer {
    return hmacSha256(this.#key, Buffer.from(covered));
  }
}

/**
 * Checks the MACs of many hosts, as the servers of several generations. What is kept follows from a pair of keys alone, and says
 * nothing of who may speak: that is asked before, with each request.
 */
export class MacChecker {
  readonly #secretOf: (serverKey: string) => string | undefined;
  readonly #macs = new Map<string, Mac>();
  readonly #most: number;

  /** @param secretOf the secret half (Z85) of a server key in service. */
  constructor(secretOf: (serverKey: string) => string | undefined, most = 10_000) {
    this.#secretOf = secretOf;
    this.#most = most;
  }

  /** Whether the host with that CURVE public key (Z85) made it for the server with that key (Z85). */
  holds(between: { host: string; server: string }, covered: Buffer, mac: Buffer): boolean {
    const secret = this.#secretOf(between.server);
    return secret !== undefined && (this.#macOf(between, secret)?.holds(covered, mac) ?? false);
  }

  #macOf({ host, server }: { host: string; server: string }, secret: string): Mac | undefined {
    const pair = `${host} ${server}`;
    const known = this.#macs.get(pair);
    if (known !== undefined) return known;
    try {
      const mac = new Mac(secret, host);
      if (this.#macs.size >= this.#most) this.#macs.clear();
      this.#macs.set(pair, mac);
      return mac;
    } catch {
      return undefined;
    }
  }
}
