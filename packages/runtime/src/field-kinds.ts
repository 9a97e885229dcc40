import { bad, good, isCurveKey, parseJail, parseProg } from '@banshare/protocol';
import { text, textBy, type Kind } from './kinds.ts';

export const jail: Kind<string> = textBy(parseJail);

export const prog: Kind<string> = textBy(parseProg);

/** One of a kind, or "*" for all. */
export function orAll(kind: Kind<string>): Kind<string> {
  return (value) => (value === '*' ? good(value) : kind(value));
}

/** Where a ban comes from: PROG/JAIL, JAIL or "*". */
export const origin: Kind<string> = (value) => {
  if (typeof value !== 'string' || !value.includes('/')) return orAll(jail)(value);
  const slash = value.indexOf('/');
  const before = prog(value.slice(0, slash));
  if (!before.ok) return before;
  const after = jail(value.slice(slash + 1));
  return after.ok ? good(value) : after;
};

/** A CURVE public key: 32 bytes in 40 characters of Z85. */
export const curveKey: Kind<string> = (value) => {
  const read = text(value);
  if (!read.ok || isCurveKey(read.value)) return read;
  return bad('must be a public key in Z85, 40 characters');
};
