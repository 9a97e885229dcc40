import type { JailName, Target } from '@banshare/protocol';
import type { Change, Effect } from '../bans/change.ts';

/** How long an address is still banned, in seconds; null for ever, undefined where that cannot be known. */
export type Remaining = number | null | undefined;

/**
 * What is in place now. `held` tells of the addresses of each local jail asked for; of the jails in `isAnew` what is missing
 * was lost, by a restart or a flush, and in others it was let go.
 */
export type Listing =
  | { ok: true; held: ReadonlyMap<string, ReadonlyMap<string, Remaining>>; isAnew: (jail: string) => boolean }
  | { ok: false; reason: string };

/** Packets that were dropped, by address or range, or why nobody knows. */
export type Counts = { ok: true; packets: ReadonlyMap<string, number> } | { ok: false; reason: string };

/** Carries out bans on this host. Expected failures are effects, never exceptions. */
export type Enforcer = {
  readonly kind: string;
  /** Of several that are one, the kind of each. */
  readonly kinds?: readonly string[];
  /** How many changes it takes at once: what it talks to has to stay responsive. */
  readonly mostAtOnce: number;
  /** Whether one batch has to end before the next begins. */
  readonly isSerial: boolean;
  /** How far a ban reaches: its local jail, or the whole host, whatever its jail. */
  readonly reach: 'jail' | 'host';
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
  /**
   * How many packets it has dropped of each address and range since that was put in place, or got another end; what has sent none
   * may be left out. Only where that is counted.
   */
  counts?(): Promise<Counts>;
  /** What is in place of these local jails; of those that are not here it tells nothing. */
  list?(jails: readonly JailName[]): Promise<Listing>;
};

/** Under this name a listing tells what stands for the whole host. */
export const EVERY_JAIL = '*';

/** Where a ban stands that psad has: what no jail can be called. */
export const IN_PSAD = '(psad)' as JailName;
