import { isRange, isTooWide, type Target, WIDEST_BAN } from '@banshare/protocol';
import { type Candidate, type Choice, type Chosen, localJailOf } from '../bans/choice.ts';
import { PAUSED, type Reason } from '../bans/reason.ts';

/**
 * Decides whether a ban is applied on this host, and in which jail. The server is trusted for who may speak, not for what may
 * be banned here: that is this host's own decision. now is epoch seconds by the server's clock.
 */
export function choose(event: Candidate, choice: Choice, now: number): Chosen {
  if (isRange(event.ip) && isTooWide(event.ip)) return forbid({ code: 'wide', text: widest(event.ip) });
  const localJail = localJailOf(event, choice.localJails);
  const rule = choice.ruleFor(event.ip, localJail);
  if (rule !== undefined) return forbid(rule);
  const other = chooseToFollow(event, choice, now);
  return other.apply && choice.isPaused ? forbid(PAUSED) : other;
}

/** The same for lifting, which neither a rule nor a pause forbids. */
export function chooseToFollow(event: Candidate, choice: Choice, now: number): Chosen {
  if (event.until !== null && event.until <= now) return skip({ code: 'expired', text: '' });
  // What this host found itself is banned here as one address, never as the range around it.
  if (event.host === choice.ownName && !choice.ownReports && !isRange(event.ip))
    return skip({ code: 'own', text: '' });
  if (!covers(choice.jails, event.jail)) return forbid({ code: 'jail', text: event.jail });
  if (!covers(choice.progs, event.prog)) return forbid({ code: 'prog', text: event.prog });
  return { apply: true, localJail: localJailOf(event, choice.localJails) };
}

function widest(range: Target): string {
  return `/${range.includes(':') ? WIDEST_BAN.ipv6 : WIDEST_BAN.ipv4}`;
}

function covers(list: readonly string[], name: string): boolean {
  return list.includes('*') || list.includes(name);
}

function skip(reason: Reason): Chosen {
  return { apply: false, reason, isForbidden: false };
}

function forbid(reason: Reason): Chosen {
  return { apply: false, reason, isForbidden: true };
}
