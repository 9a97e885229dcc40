import { readPrivate, writePrivate } from '../files/private-file.ts';

/** The two that share a key: the host's Ed25519 public key (hex), and the server's key (Z85). */
export type Between = { host: string; server: string };

const KEY = /^[0-9a-f]{64}$/;

/**
 * The key of this host's MACs as its client keeps it for the reporter, which would derive it anew for each report; undefined where
 * none is kept for these two. One line, "HOST SERVER KEY", in a file as private as the host's key.
 */
export function readMacKey(path: string, { host, server }: Between): string | undefined {
  const read = readPrivate(path);
  if (!read.ok) return undefined;
  const [ofHost, ofServer, key = ''] = read.value.toString('latin1').trim().split(' ');
  return ofHost === host && ofServer === server && KEY.test(key) ? key : undefined;
}

/** Keeps the key (hex). @throws the system's error. */
export function keepMacKey(path: string, { host, server }: Between, key: string): void {
  writePrivate(path, `${host} ${server} ${key}\n`);
}
