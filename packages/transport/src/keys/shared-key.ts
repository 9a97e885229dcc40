import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from 'node:crypto';
import { decodeZ85 } from './z85.ts';

/** DER wrappings of bare X25519 keys (RFC 8410); node:crypto takes no bare ones. */
const SECRET_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');

/**
 * The 32 bytes that the holders of two CURVE keys share and nobody else can reckon: X25519 of the one's secret and the other's
 * public key is the same on both sides, and HKDF makes of it another key for each label.
 * @param secretKey one's own (Z85). @param publicKey the other's (Z85). @throws where that is a point of small order.
 */
export function sharedKey(secretKey: string, publicKey: string, label: string): Buffer {
  const der = { format: 'der' } as const;
  const secret = Buffer.concat([SECRET_PREFIX, decodeZ85(secretKey)]);
  const other = Buffer.concat([PUBLIC_PREFIX, decodeZ85(publicKey)]);
  const shared = diffieHellman({
    privateKey: createPrivateKey({ ...der, key: secret, type: 'pkcs8' }),
    publicKey: createPublicKey({ ...der, key: other, type: 'spki' }),
  });
  return Buffer.from(hkdfSync('sha256', shared, '', label, 32));
}
