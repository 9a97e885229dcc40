import { bad, good, parseHostName, type HostName, type Result } from '@banshare/protocol';
import { readSecretSections, SECRET_SUFFIX, writeCertificate } from './certificate.ts';
import type { Identity } from './key-making.ts';
import { Signer } from './signature.ts';

/** A host's key as its file holds it; name is what the server calls the host, absent before it was accepted. */
export type HostKey = Identity & { name?: HostName };

const HEX_KEY = /^[0-9a-f]{64}$/;

/** Reads BASE.key_secret of a host. */
export function readHostKey(base: string): Result<HostKey> {
  const read = readSecretSections(base);
  if (!read.ok) return read;
  const { curve, sections } = read.value;
  const seedHex = sections['ed25519']?.['seed'] ?? '';
  if (!HEX_KEY.test(seedHex)) {
    return bad(
      `Cannot use the host key "${base}${SECRET_SUFFIX}": its section ed25519 has no seed of 64 hex digits`,
    );
  }
  // The public half stands in the file too, so that a report need not derive it; a file without it is as good.
  const publicText = sections['ed25519']?.['public'] ?? '';
  const publicHex = HEX_KEY.test(publicText) ? publicText : new Signer(seedHex).publicHex();
  const name = parseHostName(sections['metadata']?.['name'] ?? '');
  return good({ curve, seedHex, publicHex, ...(name.ok ? { name: name.value } : {}) });
}

/** Writes a host's key; name is the one that the server gave. @throws the system's error. */
export function writeHostKey(base: string, identity: Identity, name?: HostName): void {
  writeCertificate(base, {
    metadata: name === undefined ? {} : { name },
    curve: identity.curve,
    more: { ed25519: { seed: identity.seedHex, public: identity.publicHex } },
  });
}
