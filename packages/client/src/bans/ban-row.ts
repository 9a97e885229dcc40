import { FOR_EVER, type BanKey, type HostName, type JailName, type Origin } from '@banshare/protocol';
import type { Change } from './change.ts';
import type { Reason } from './reason.ts';

/**
 * Where a ban stands on this host; transitions.ts has the table of what each state means, and every step between two of them.
 */
export type RowStatus = Standing['status'] | Lift['status'];

/** What is known of a ban, whatever its state. */
type Known = BanKey & {
  /** Its number in the server's ledger; 0 where that lacks it, having another history of the same epoch. */
  seq: number;
  /** Epoch seconds of its publication. */
  at: number;
  host: HostName;
  until: number | null;
  port: string;
  protocol: string;
  /** The jail of this host in which it stands, or would. */
  localJail: JailName;
  /** Why the ban is in this state. */
  reason: Reason;
  /** banshare put it in place here, and so may lift it. */
  isOurs: boolean;
  /** How often its command failed, and when it is tried again (epoch seconds by the server's clock). */
  attempts: number;
  retryAt: number | null;
  /** Whose word it is: what a host that is full keeps goes by that. */
  origin: Origin;
  /** Who brought it first: whoever only renews a ban of another has not found it, and may not have it give way as his own. */
  finder: HostName;
};

/** A ban that is to be put in place, is in place, or was left out. */
export type Standing = Known & {
  status: 'pending' | 'applied' | 'already' | 'skipped' | 'failed' | 'released' | 'unproven';
  /** Only a lift is forced. */
  isForced: false;
  isEveryJail: false;
  /**
   * Why the ban was not in place before, as the server was told: what becomes of it now is news. None where the server was told
   * nothing.
   */
  keptBack: Reason;
};

/** A ban that is to be lifted. */
export type Lift = Known & {
  status: 'lifting';
  /** An operator lifts it, also where banshare did not put it in place. */
  isForced: boolean;
  /** That operator wants it lifted in whatever jail of this host it stands. */
  isEveryJail: boolean;
  /** Why the ban stays here as `skipped` once it is lifted; none where it is to be forgotten. */
  keptBack: Reason;
};

/** A ban of the fleet as this host took it over. */
export type BanRow = Standing | Lift;

/**
 * Whether banshare put a ban in place, or may have: while its command is under way nobody knows, and what is ours must not be left
 * behind.
 */
export function mayBeOurs(row: BanRow): boolean {
  return row.isOurs || row.status === 'pending' || row.status === 'lifting';
}

/**
 * What an enforcer is asked to do for a row; now is epoch seconds by the server's clock, others are bans of the same address.
 */
export function changeOf(
  row: BanRow,
  kind: Change['kind'],
  now: number,
  others: readonly BanRow[] = [],
): Change {
  const { ip, prog, jail, localJail, port, protocol, until } = row;
  const lasting = others.filter((other) => isWanted(other));
  return {
    kind,
    ip,
    prog,
    jail,
    localJail,
    host: row.host,
    isOurs: row.isOurs,
    forced: row.isEveryJail ? 'every-jail' : row.isForced ? 'jail' : 'no',
    port,
    protocol,
    seconds: secondsLeft(until, now, kind === 'ban' ? 1 : 0),
    ...(kind === 'ban' && row.keptBack.code === 'unproven' ? { wasUnproven: true } : {}),
    others: lasting.map((other) => ({
      prog: other.prog,
      jail: other.jail,
      seconds: secondsLeft(other.until, now, 1),
    })),
  };
}

/** Whether its time has come; now is epoch seconds by the server's clock. */
export function isOver({ until }: BanRow, now: number): boolean {
  return until !== null && until <= now;
}

/** Whether a ban counts where another of the same address ends. */
export function isWanted({ status }: BanRow): boolean {
  return status !== 'lifting' && status !== 'skipped' && status !== 'released';
}

function secondsLeft(until: number | null, now: number, least: number): number {
  return until === null ? FOR_EVER : Math.max(least, Math.ceil(until - now));
}
