/**
 * What happened to the address before: when this report was made and when an operator last lifted such a ban (epoch seconds),
 * how often it was banned anew, and whether any ban of it is active now.
 */
export type Past = {
  madeAt: number;
  liftedAt: number;
  offences: number;
  isBanned: boolean;
  /** How many seconds this report waited where it was made; nothing where it did not, or nobody knows. */
  waited?: number;
  /** The rule that protects the address, beside the special ranges. */
  protectedBy?: string | undefined;
  /** Whether enough hosts have reported it, where a quorum is asked for, and which did before this one. */
  isQuorate?: boolean;
  voters?: readonly number[];
  /** How many hosts have reported it of how many that must, and which. */
  votes?: string;
};

export const NO_PAST: Past = { madeAt: 0, liftedAt: -1, offences: 0, isBanned: false };

/** A ban as it was last published. Times are epoch seconds; until null is for ever. */
export type PublishedBan = { seq: number; at: number; until: number | null };

/**
 * Why a ban waits for a person: a /64 that is full and cannot be banned as a whole, a freeze, a host too young to be told from its
 * address, as many active bans as there may be, more new ones a minute than the fleet may bring.
 */
type HeldCode = 'full-block' | 'frozen' | 'young-host' | 'active' | 'fleet-rate';

/** A code for programs, and a sentence with its figures for people. */
export type Held = { code: HeldCode; reason: string };

/**
 * What is done with a report or an unban. `publish`: a new event; `support`: the host stands behind what is published, or
 * no longer does, and nothing moves. `until` of what is not published is the end that this report alone would give.
 */
export type Verdict =
  | {
      verdict: 'accepted';
      /** `voters`: hosts whose reports were counted before, and who stand behind the ban with the last one. */
      publish: { kind: 'ban'; until: number | null; voters?: readonly number[] } | { kind: 'unban' };
    }
  | { verdict: 'accepted'; withdraw: true }
  | { verdict: 'counted'; until?: number | null; reason?: string }
  | {
      verdict: 'held';
      until: number | null;
      code: HeldCode;
      reason: string;
      voters?: readonly number[];
      /** So many bans can be held; without it, any number. */
      most?: number;
      /** It is held as the address that was reported, although its ban would be of more. */
      isOfAddress?: true;
    }
  | { verdict: 'duplicate'; seq?: number; until?: number | null }
  /** Its ban was over before it came: nobody stands behind anything by it. */
  | { verdict: 'duplicate'; code: 'over'; reason: string }
  | { verdict: 'refused'; code: string; reason: string };

/** Whether a ban still holds at that time. */
export function isActive(ban: { until: number | null }, now: number): boolean {
  return ban.until === null || ban.until > now;
}

/**
 * Whether a ban stands already and ends no earlier: then a report, a release or an import changes nothing. Only an operator's word, or the
 * last supporter's withdrawal, shortens a ban.
 */
export function covers(known: PublishedBan | undefined, until: number | null, now: number): boolean {
  if (known === undefined || !isActive(known, now)) return false;
  return known.until === null || (until !== null && until <= known.until);
}
