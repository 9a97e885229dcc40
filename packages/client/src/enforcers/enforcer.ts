import type { HostName, JailName, ProgName, Target } from '@banshare/protocol';

/** One thing to do on this host. seconds is how long the ban still lasts, -1 for ever; 0 of an unban: its time is over. */
export type Change = {
  kind: 'ban' | 'unban';
  ip: Target;
  prog: ProgName;
  jail: JailName;
  localJail: JailName;
  /** Who reported it. */
  host: HostName;
  seconds: number;
  /** banshare put it in place here before. */
  isOurs: boolean;
  /** Of an unban: an operator lifts it, and so also what is not banshare's; in the jail of the ban, or in every jail. */
  forced: 'no' | 'jail' | 'every-jail';
  port: string;
  protocol: string;
  /** Other bans of the address that last: told where the place of a ban is the whole host. */
  others: readonly { prog: ProgName; jail: JailName; seconds: number }[];
  /** A ban that was carried out before and could not be seen in the firewall then. */
  wasUnproven?: boolean;
};

/**
 * What came of it; localJail is where it was done, which may be the missing-jail. `released`: an unban found nothing, this
 * host's own fail2ban or a person had ended the ban before. A failure `isBegun` where the ban may be in place nevertheless. `unproven`:
 * it was carried out, and cannot be seen in the firewall; `isBegun` where banshare did that.
 * `unfit` are the kinds of enforcers that can never do it, so that trying again does not help.
 */
export type Effect = (
  | { outcome: 'applied' | 'already' | 'released' }
  | { outcome: 'skipped' | 'failed' | 'unproven'; reason: string; isBegun?: boolean }
) & { localJail: JailName; unfit?: readonly string[] };

/** Why a ban of a range was not applied, as the server is told, where none of a host's enforcers takes ranges. */
export const RANGE = 'range';

/** Why it is not simply so, for people; empty where it is. */
export function reasonOf(effect: Effect): string {
  if ('reason' in effect) return effect.reason;
  return effect.unfit === undefined ? '' : `${RANGE}: not by ${effect.unfit.join(' and ')}`;
}

/** How long an address is still banned, in seconds; null for ever, undefined where that cannot be known. */
export type Remaining = number | null | undefined;

/**
 * What is in place now. `held` tells of the addresses of each local jail asked for; of the jails in `isAnew` what is missing
 * was lost, by a restart or a flush, and in others it was let go.
 */
export type Listing =
  | { ok: true; held: ReadonlyMap<string, ReadonlyMap<string, Remaining>>; isAnew: (jail: string) => boolean }
  | { ok: false; reason: string };

/** Carries out bans on this host. Expected failures are effects, never exceptions. */
export type Enforcer = {
  readonly kind: string;
  /** How many changes it takes at once: what it talks to has to stay responsive. */
  readonly mostAtOnce: number;
  /** Whether one batch has to end before the next begins. */
  readonly isSerial: boolean;
  /** Where a ban stands: in its local jail, or for the whole host, whatever its jail. */
  readonly place: 'jail' | 'host';
  /** Whether it bans ranges of addresses; one that does not answers addressesOnly(). */
  readonly takesRanges: boolean;
  /** Carries out changes of different addresses; answers with one effect for each, in their order. */
  carryOut(changes: readonly Change[]): Promise<Effect[]>;
  /** Says what is missing on this host for it to work, in sentences; empty when it can. */
  check(): Promise<string[]>;
  /** Which way bans go where that depends on what runs here, in sentences for a person. */
  ways?(): Promise<string[]>;
  /** Takes away all that is banshare's own there, for good; what went wrong, or ''. Only where a ban stands for the whole host. */
  leave?(): Promise<string>;
  /** Whether all seems to be in place, cheaply; where it is not, a listing follows. */
  isIntact?(): Promise<boolean>;
  /** Has the rules looked after by which the address is banned in this local jail: whether they were made anew. */
  isRepaired?(jail: JailName, ip: Target): Promise<boolean>;
  /** Whether bans of this local jail can be seen in the firewall now, by one of them that could not be. */
  isProven?(jail: JailName, ip: Target): Promise<boolean>;
  /** Why bans cannot be seen in the firewall where they should be, in sentences; tries that out where it is not known. */
  unproven?(): Promise<string[]>;
  /** What is in place of these local jails; of those that are not here it tells nothing. */
  list?(jails: readonly JailName[]): Promise<Listing>;
};
