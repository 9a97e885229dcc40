import { createHash } from 'node:crypto';
import { bad, good, type Result } from '@banshare/protocol';
import { curveKey } from './kinds/field-kinds.ts';
import type { FleetNote } from '../handover/fleet-note.ts';
import { readKnownFleet } from './joined.ts';

/** What one line says to a host that joins by it: where, until when (epoch seconds), and by which secret. */
export type JoinToken = FleetNote & {
  readonly id: string;
  readonly until: number;
  readonly secret: { readonly publicKey: string; readonly secretKey: string };
};

/** What every token begins with, so that whoever looks for secrets in files finds it. */
export const TOKEN_BEGINS = 'banshare-token-1.';

const CHECK_DIGITS = 8;

/** The one line of a token; the digits at its end tell one that was cut. */
export function formatToken(token: JoinToken): string {
  const body = TOKEN_BEGINS + Buffer.from(JSON.stringify(token)).toString('base64url');
  return `${body}.${checkOf(body)}`;
}

/** Reads a token; lines that begin with `#` beside it are comments. */
export function parseToken(text: string): Result<JoinToken> {
  const lines = text.split('\n').map((line) => line.trim());
  const [line, ...others] = lines.filter((each) => each !== '' && !each.startsWith('#'));
  if (line === undefined) return bad('there is no token in it');
  if (others.length > 0) return bad('it has more than one line: a token is one');
  if (!line.startsWith(TOKEN_BEGINS))
    return bad(`it is no token of banshare-server token add, which begins with ${TOKEN_BEGINS}`);
  const end = line.lastIndexOf('.');
  const body = line.slice(0, end);
  if (line.slice(end + 1) !== checkOf(body)) return bad('the token is cut or changed: copy all of its line');
  let document: Readonly<Record<string, unknown>>;
  try {
    document = JSON.parse(
      Buffer.from(body.slice(TOKEN_BEGINS.length), 'base64url').toString('utf8'),
    ) as typeof document;
  } catch {
    return bad('the token cannot be read');
  }
  const fleet = readKnownFleet(document);
  if (!fleet.ok) return bad(`the token cannot be used: ${fleet.fault}`);
  const { id, until, secret } = document as Partial<Record<keyof JoinToken, unknown>>;
  const { publicKey, secretKey } = (secret ?? {}) as Record<string, unknown>;
  const [open, hidden] = [curveKey(publicKey), curveKey(secretKey)];
  const isWhole =
    typeof id === 'string' &&
    /^[0-9a-f]{12}$/.test(id) &&
    typeof until === 'number' &&
    Number.isFinite(until);
  if (!isWhole || !open.ok || !hidden.ok) return bad('the token cannot be used: it has no id, end or key');
  return good({ ...fleet.value, id, until, secret: { publicKey: open.value, secretKey: hidden.value } });
}

function checkOf(body: string): string {
  return createHash('sha256').update(body).digest('hex').slice(0, CHECK_DIGITS);
}
