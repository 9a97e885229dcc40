import {
  bad,
  good,
  isCurveKey,
  parseJail,
  parseProg,
  parseRange,
  quote,
  type Range,
} from '@banshare/protocol';
import { choice, duration, integer, listOf, show, text, textBy, type Kind } from './kinds.ts';
import { isTable } from './is-table.ts';

export const jail: Kind<string> = textBy(parseJail);

export const prog: Kind<string> = textBy(parseProg);

/** One of a kind, or "*" for all. */
export function orAll(kind: Kind<string>): Kind<string> {
  return (value) => (value === '*' ? good(value) : kind(value));
}

/** An address or a range of addresses. */
export const range: Kind<Range> = textBy(parseRange);

/** What can carry out bans. */
export const ENFORCERS = ['command', 'fail2ban', 'nftables', 'ipset', 'log', 'psad', 'none'] as const;

/** One `[[enforcer]]` table: what carries out the bans of these jails and progs; "*" stands for all. */
export type EnforcerTable = {
  kind: (typeof ENFORCERS)[number];
  jails: readonly string[];
  progs: readonly string[];
};

export const enforcerTable: Kind<EnforcerTable> = (value) => {
  if (!isTable(value)) return bad(`must be a table, written [[enforcer]], not ${show(value)}`);
  const { kind, jails = ['*'], progs = ['*'], ...unknown } = value;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) return bad(`has the unknown key ${quote(stranger)}`);
  const of = choice(...ENFORCERS)(kind);
  if (!of.ok) return bad(`is wrong in kind: it ${of.fault}`);
  const ofJails = listOf(orAll(jail))(jails);
  if (!ofJails.ok) return bad(`is wrong in jails: it ${ofJails.fault}`);
  const ofProgs = listOf(orAll(prog))(progs);
  if (!ofProgs.ok) return bad(`is wrong in progs: it ${ofProgs.fault}`);
  return good({ kind: of.value, jails: ofJails.value, progs: ofProgs.value });
};

/** One `[[quorum]]` table: a ban of this prog and jail is published once so many hosts report it within so many seconds. */
export type Quorum = { prog: string; jail: string; reporters: number; withinSeconds: number };

export const quorum: Kind<Quorum> = (value) => {
  if (!isTable(value)) return bad(`must be a table, written [[quorum]], not ${show(value)}`);
  const { prog: progs = '*', jail: jails = '*', reporters = 2, within = '30m', ...unknown } = value;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined) return bad(`has the unknown key ${quote(stranger)}`);
  const read = {
    prog: orAll(prog)(progs),
    jail: orAll(jail)(jails),
    reporters: integer(2, 1000)(reporters),
    withinSeconds: duration(1, 30 * 86_400)(within),
  };
  for (const [key, field] of Object.entries(read)) {
    if (!field.ok) return bad(`is wrong in ${key.replace('Seconds', '')}: it ${field.fault}`);
  }
  return good(
    Object.fromEntries(Object.entries(read).map(([key, field]) => [key, field.ok && field.value])) as Quorum,
  );
};

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
