import { randomBytes } from 'node:crypto';
import type { CurvePair } from './certificate.ts';
import { Signer } from './signature.ts';
import { encodeZ85 } from './z85.ts';

/** Makes a fresh CURVE pair for a server or for joining. */
export async function makeCurvePair(): Promise<CurvePair> {
  const sodium = await loadSodium();
  const pair = sodium.crypto_box_keypair();
  return { publicKey: encodeZ85(pair.publicKey), secretKey: encodeZ85(pair.privateKey) };
}

/** A host's identity: the Ed25519 seed, its public half (both hex), and the CURVE pair that is the same key. */
export type Identity = { seedHex: string; publicHex: string; curve: CurvePair };

/** Makes a host's identity, on that host: one key with two forms (packages/protocol/README.md, section 1). */
export async function makeIdentity(): Promise<Identity> {
  const sodium = await loadSodium();
  const seed = randomBytes(32);
  const pair = sodium.crypto_sign_seed_keypair(seed);
  const curve = {
    publicKey: encodeZ85(sodium.crypto_sign_ed25519_pk_to_curve25519(pair.publicKey)),
    secretKey: encodeZ85(sodium.crypto_sign_ed25519_sk_to_curve25519(pair.privateKey)),
  };
  const seedHex = seed.toString('hex');
  return { seedHex, publicHex: new Signer(seedHex).publicHex(), curve };
}

/** The CURVE public key (Z85) of an Ed25519 public key; undefined where that is no point of the curve. */
export async function curveKeyOf(publicHex: string): Promise<string | undefined> {
  const sodium = await loadSodium();
  try {
    return encodeZ85(sodium.crypto_sign_ed25519_pk_to_curve25519(Buffer.from(publicHex, 'hex')));
  } catch {
    return undefined;
  }
}

/** libsodium costs 30 ms and 10 MB: only enrolment and key making pay for it. */
async function loadSodium(): Promise<typeof import('libsodium-wrappers').default> {
  const { default: sodium } = await import('libsodium-wrappers');
  await sodium.ready;
  return sodium;
}
