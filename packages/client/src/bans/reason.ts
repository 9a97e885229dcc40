/**
 * What a reason means to this program. `full`, `paused` and the three of protection may end, each in its own way: `listed` by
 * client.toml, `ignored` by fail2ban's ignoreip, `protected` by what this host finds out by itself. `range`: none of this host's
 * enforcers takes ranges, or those in `text` do not. `unproven`: it was carried out before, and could not be seen in the firewall.
 * `enforcer`: what an enforcer said, for people. The empty one is none.
 */
export type ReasonCode =
  | ''
  | 'full'
  | 'paused'
  | 'listed'
  | 'ignored'
  | 'protected'
  | 'wide'
  | 'expired'
  | 'own'
  | 'jail'
  | 'prog'
  | 'range'
  | 'unproven'
  | 'enforcer';

/** Why a ban is not simply in place here: what that means, and what it says beside that to people. */
export type Reason = { readonly code: ReasonCode; readonly text: string };

/** The state of a ban says it all. */
export const NO_REASON: Reason = { code: '', text: '' };
/** A host has as many bans as it takes. */
export const FULL: Reason = { code: 'full', text: '' };
/** An operator at this host's console wants nothing applied. */
export const PAUSED: Reason = { code: 'paused', text: '' };

/** Whether an address of this host's own, or that its administrator named, is why. */
export function isProtection({ code }: Reason): boolean {
  return code === 'listed' || code === 'ignored' || code === 'protected';
}

/** A reason as the server is told and people read it; empty where there is none. */
export function sayReason({ code, text }: Reason): string {
  switch (code) {
    case 'listed':
    case 'ignored':
    case 'protected':
      return `never-ban: ${text}`;
    case 'wide':
      return `a range wider than ${text}`;
    case 'jail':
    case 'prog':
      return `${code} ${text} is not followed`;
    case 'range':
      return text === '' ? 'range' : `range: not by ${text}`;
    case 'unproven':
      return `unproven: ${text}`;
    case 'enforcer':
      return text;
    default:
      return code;
  }
}
