import { isRange, isTooWide, type Target, WIDEST_BAN } from '@banshare/protocol';
import { type Candidate, type Choice, type Chosen, localJailOf, NEVER_BAN, PAUSED } from '../bans/choice.ts';

/**
 * Decides whether a ban is applied on this host, and in which jail. The server is trusted for who may speak, not for what may
 * be banned here: that is this host's own decision. now is epoch seconds by the server's clock.
 */
export function choose(event: Candidate, choice: Choice, now: number): Chosen {
  if (isRange(event.ip) && isTooWide(event.ip)) return forbid(tooWide(event.ip));
  const localJail = localJailOf(event, choice.localJails);
  const rule = choice.ruleFor(event.ip, localJail);
  if (rule !== undefined) return forbid(`${NEVER_BAN}${rule}`);
  const other = chooseToFollow(event, choice, now);
  return other.apply && choice.isPaused ? forbid(PAUSED) : other;
}

/** The same for lifting, which neither a rule nor a pause forbids. */
export function chooseToFollow(event: Candidate, choice: Choice, now: number): Chosen {
  if (event.until !== null && event.until <= now) return skip('expired');
  // What this host found itself is banned here as one address, never as the range around it.
  if (event.host === choice.ownName && !choice.ownReports && !isRange(event.ip)) return skip('own');
  if (!covers(choice.jails, event.jail)) return skip(`jail ${event.jail} is not followed`);
  if (!covers(choice.progs, event.prog)) return skip(`prog ${event.prog} is not followed`);
  return { apply: true, localJail: localJailOf(event, choice.localJails) };
}

function tooWide(range: Target): string {
  return `a range wider than /${range.includes(':') ? WIDEST_BAN.ipv6 : WIDEST_BAN.ipv4}`;
}

function covers(list: readonly string[], name: string): boolean {
  return list.includes('*') || list.includes(name);
}

function skip(reason: string): Chosen {
  return { apply: false, reason, isForbidden: false };
}

function forbid(reason: string): Chosen {
  return { apply: false, reason, isForbidden: true };
}
