import {
  isRange,
  isTooWide,
  WIDEST_BAN,
  type BanKey,
  type HostName,
  type JailName,
  type Target,
} from '@banshare/protocol';

/** What this host takes over, from client.toml; '*' stands for all. */
export type Choice = {
  /** Undefined before it is enrolled; the server may give another one at any time. */
  ownName: HostName | undefined;
  ownReports: boolean;
  jails: readonly string[];
  progs: readonly string[];
  /** The local jail of `PROG/JAIL`, `JAIL` or `*`. */
  localJails: ReadonlyMap<string, string>;
  /** Why an address is never banned in a local jail; undefined where it may be. */
  ruleFor: (ip: Target, localJail: JailName) => string | undefined;
  /** An operator at this host's console wants nothing applied. */
  isPaused: boolean;
};

/** What counts of an event, or of a ban that this host knows already. */
export type Candidate = BanKey & { host: HostName; until: number | null };

/** Begins the reason by which an address is protected; its rule follows. */
export const NEVER_BAN = 'never-ban: ';
/** Why what would be applied is not, while this host is paused. */
export const PAUSED = 'paused';

/** isForbidden: also what is in place already has to go. */
export type Chosen =
  { apply: true; localJail: JailName } | { apply: false; reason: string; isForbidden: boolean };

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

/** The jail of this host for a ban. */
export function localJailOf(event: BanKey, localJails: Choice['localJails']): JailName {
  for (const key of [`${event.prog}/${event.jail}`, event.jail, '*']) {
    const mapped = localJails.get(key);
    if (mapped !== undefined) return mapped as JailName;
  }
  return event.jail;
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
