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
  /** Other bans of the address that last: told where a ban reaches the whole host. */
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

/** An unban of what banshare put in place and no row tells of any more; seconds as in Change. */
export function unbanOf(ban: Pick<Change, 'ip' | 'prog' | 'jail' | 'localJail'>, seconds: number): Change {
  const nobody = { host: '' as HostName, port: '', protocol: '', others: [] };
  return { kind: 'unban', ...ban, ...nobody, seconds, isOurs: true, forced: 'no' };
}

/** Why a ban of a range was not applied, as the server is told, where none of a host's enforcers takes ranges. */
export const RANGE = 'range';

/** Why it is not simply so, for people; empty where it is. */
export function reasonOf(effect: Effect): string {
  if ('reason' in effect) return effect.reason;
  return effect.unfit === undefined ? '' : `${RANGE}: not by ${effect.unfit.join(' and ')}`;
}
