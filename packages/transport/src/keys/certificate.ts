import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { bad, good, isCurveKey, type Result } from '@banshare/protocol';
import { writeAtomic } from '@banshare/runtime';

/** A CURVE key pair, both halves in Z85. */
export type CurvePair = { publicKey: string; secretKey: string };

/** What a ZeroMQ certificate holds: sections of name and value, always `metadata` and `curve`. */
export type Sections = { [section: string]: { [name: string]: string } };

/** The base path of a certificate names two files: BASE.key is public, BASE.key_secret has the secret and mode 0600. */
export const PUBLIC_SUFFIX = '.key';
export const SECRET_SUFFIX = '.key_secret';

/** Reads the public key of BASE.key. */
export function readPublicKey(base: string): Result<string> {
  const sections = readSections(base + PUBLIC_SUFFIX);
  if (!sections.ok) return sections;
  return curveKey(base + PUBLIC_SUFFIX, sections.value, 'public-key');
}

/** Reads BASE.key_secret; a mode wider than 0600 is refused, since then the secret may be known to others. */
export function readSecretSections(base: string): Result<{ curve: CurvePair; sections: Sections }> {
  const path = base + SECRET_SUFFIX;
  const sections = readSections(path, 0o600);
  if (!sections.ok) return sections;
  const publicKey = curveKey(path, sections.value, 'public-key');
  if (!publicKey.ok) return publicKey;
  const secretKey = curveKey(path, sections.value, 'secret-key');
  if (!secretKey.ok) return secretKey;
  return good({
    curve: { publicKey: publicKey.value, secretKey: secretKey.value },
    sections: sections.value,
  });
}

/**
 * Writes BASE.key_secret and then BASE.key, each by rename, so that a reader finds an old pair or a new one.
 * @throws when the directory cannot be written.
 */
export function writeCertificate(
  base: string,
  certificate: { metadata: { [name: string]: string }; curve: CurvePair; more?: Sections },
): void {
  const { metadata, curve, more = {} } = certificate;
  const secret = { 'public-key': curve.publicKey, 'secret-key': curve.secretKey };
  writeAtomic(base + SECRET_SUFFIX, formatSections({ metadata, curve: secret, ...more }), 0o600);
  writePublicKey(base, { metadata, publicKey: curve.publicKey });
}

/** Writes BASE.key alone, for a host that only needs to know the other's public key. */
export function writePublicKey(
  base: string,
  certificate: { metadata: Sections[string]; publicKey: string },
): void {
  const curve = { 'public-key': certificate.publicKey };
  writeAtomic(base + PUBLIC_SUFFIX, formatSections({ metadata: certificate.metadata, curve }), 0o644);
}

/** ZPL text (ZeroMQ RFC 4), as czmq's zcert_load and pyzmq's load_certificate read it. */
export function formatSections(sections: Sections): string {
  const lines = ['#   ZeroMQ CURVE certificate of banshare'];
  for (const [section, values] of Object.entries(sections)) {
    lines.push(section);
    for (const [name, value] of Object.entries(values)) lines.push(`    ${name} = "${value}"`);
  }
  return `${lines.join('\n')}\n`;
}

/** Reads ZPL of two levels; what it does not understand is left out, since other programs may add to a certificate. */
export function parseSections(text: string): Sections {
  // Without prototypes: a section called __proto__ is then a name like any other.
  const sections = Object.create(null) as Sections;
  let current = Object.create(null) as Sections[string];
  for (const line of text.split(/\r?\n/)) {
    const section = /^([A-Za-z0-9_/.@-]+)\s*$/.exec(line)?.[1];
    if (section !== undefined) current = sections[section] ??= Object.create(null) as Sections[string];
    const [, name, rest] = /^\s+([A-Za-z0-9_/.@-]+)\s*=\s*(.*)$/.exec(line) ?? [];
    const value = rest === undefined ? undefined : valueOf(rest);
    if (name !== undefined && value !== undefined) current[name] = value;
  }
  return sections;
}

/** A value is quoted, or bare up to a comment: pyzmq quotes keys only. */
function valueOf(rest: string): string | undefined {
  if (rest.startsWith('"')) {
    const end = rest.indexOf('"', 1);
    return end < 0 ? undefined : rest.slice(1, end);
  }
  const [bare = ''] = rest.split('#', 1);
  return bare.trim() === '' ? undefined : bare.trim();
}

function readSections(path: string, widestMode = 0o777): Result<Sections> {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const mode = fstatSync(file).mode & 0o777;
    if ((mode & ~widestMode) !== 0) {
      return bad(
        `Cannot use the key "${path}": its mode must be 0600, it is 0${mode.toString(8)}; run chmod 0600 on it`,
      );
    }
    return good(parseSections(readFileSync(file, 'utf8')));
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return bad(`Cannot read the key "${path}": ${message}`, code);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function curveKey(path: string, sections: Sections, name: string): Result<string> {
  const key = sections['curve']?.[name];
  if (key !== undefined && isCurveKey(key)) return good(key);
  return bad(`Cannot use the key "${path}": its section curve has no ${name} of 40 Z85 characters`);
}
