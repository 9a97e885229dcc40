import { bad, good, quote, type Result } from './result.ts';

/** The program that detected: fail2ban, psad, … */
export type ProgName = string & { readonly brand: 'ProgName' };
export type JailName = string & { readonly brand: 'JailName' };
/** A host's name in the fleet, as a DNS label or name. */
export type HostName = string & { readonly brand: 'HostName' };

/** Bans of operators and the drill carry this prog; a report may not. */
export const OPERATOR = 'operator' as ProgName;

/** The jail of bans that are no jail's own, an operator's and the drill's; and where a host puts those whose jail it does not have. */
export const SHARED_JAIL = 'banshare' as JailName;

/** Who stands behind operators' events; no host may be called so. */
export const OPERATOR_HOST = 'operator' as HostName;

/** Whether a name is the operator's, in whatever case: who reads a table does not see a capital letter. */
export function isOperators(name: string): boolean {
  return name.toLowerCase() === OPERATOR;
}

const WORD = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const HOST =
  /^(?=.{1,255}$)[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$/;

export function parseProg(text: string): Result<ProgName> {
  return WORD.test(text) ? good(text as ProgName) : bad(wordFault('program', text));
}

export function parseJail(text: string): Result<JailName> {
  return WORD.test(text) ? good(text as JailName) : bad(wordFault('jail', text));
}

export function parseHostName(text: string): Result<HostName> {
  if (HOST.test(text)) return good(text as HostName);
  return bad(`${quote(text)} is not a host name: it must be a DNS label or name of at most 255 characters`);
}

/** What fail2ban knows as a port: names, numbers, lists and ranges; at most 255 characters. */
export function parsePort(text: string): Result<string> {
  if (/^[A-Za-z0-9][A-Za-z0-9:,_-]{0,254}$/.test(text)) return good(text);
  return bad(
    `${quote(text)} is not a port: write it as fail2ban does, for example ssh, http,https or 0:65535`,
  );
}

export function parseTransport(text: string): Result<string> {
  if (/^[a-z][a-z0-9,-]{0,31}$/.test(text)) return good(text);
  return bad(`${quote(text)} is not a protocol: write for example tcp, udp or all`);
}

function wordFault(what: string, text: string): string {
  return `${quote(text)} is not a ${what} name: it must be 1 to 64 letters, digits, "_", "." or "-", and begin with a letter or digit`;
}
