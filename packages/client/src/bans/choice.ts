import type { BanKey, HostName, JailName, Target } from '@banshare/protocol';
import type { Reason } from './reason.ts';

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
  ruleFor: (ip: Target, localJail: JailName) => Reason | undefined;
  /** An operator at this host's console wants nothing applied. */
  isPaused: boolean;
};

/** What counts of an event, or of a ban that this host knows already. */
export type Candidate = BanKey & { host: HostName; until: number | null };

/** isForbidden: also what is in place already has to go. */
export type Chosen =
  { apply: true; localJail: JailName } | { apply: false; reason: Reason; isForbidden: boolean };

/** The jail of this host for a ban. */
export function localJailOf(event: BanKey, localJails: Choice['localJails']): JailName {
  for (const key of [`${event.prog}/${event.jail}`, event.jail, '*']) {
    const mapped = localJails.get(key);
    if (mapped !== undefined) return mapped as JailName;
  }
  return event.jail;
}
