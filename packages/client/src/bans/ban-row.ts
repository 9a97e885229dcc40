import {
  FOR_EVER,
  originOf,
  type BanKey,
  type Event,
  type HostName,
  type JailName,
  type Origin,
} from '@banshare/protocol';
import type { Chosen } from './choice.ts';
import type { Change } from './change.ts';

/**
 * Where a ban stands on this host. `pending` and `lifting` are still to be done; `already` was in place before banshare came;
 * `skipped` and `failed` have a reason; `released` was in place, and this host's fail2ban or a person ended it before its time;
 * `unproven` was carried out, and whether the firewall has it cannot be seen.
 */
export type RowStatus =
  'pending' | 'applied' | 'already' | 'skipped' | 'failed' | 'lifting' | 'released' | 'unproven';

/** A ban of the fleet as this host took it over. isOurs: banshare put it in place here, and so may lift it. */
export type BanRow = BanKey & {
  /** Its place in the server's ledger; 0 where that lacks it, having another history of the same epoch. */
  seq: number;
  /** Epoch seconds of its publication. */
  at: number;
  host: HostName;
  until: number | null;
  port: string;
  protocol: string;
  localJail: JailName;
  status: RowStatus;
  reason: string;
  isOurs: boolean;
  /** How often its command failed, and when it is tried again (epoch seconds by the server's clock). */
  attempts: number;
  retryAt: number | null;
  /** An operator lifts it, also where banshare did not put it in place; and in whatever jail of this host it stands. */
  isForced: boolean;
  isEveryJail: boolean;
  /**
   * Of what is being lifted: why it stays as `skipped` then, empty where it is to be forgotten. Of what is applied again: why
   * it was kept back before, as the server was told.
   */
  keptBack: string;
  /** Whose word it is: what a host that is full keeps goes by that. */
  origin: Origin;
  /** Who brought it first: whoever only renews a ban of another has not found it, and may not have it give way as his own. */
  finder: HostName;
};

/** So begins what is kept of a ban that is carried out again since it could not be seen in the firewall. */
export const UNPROVEN = 'unproven: ';

/** Nothing was tried yet. */
export const FIRST_TRY = {
  attempts: 0,
  retryAt: null,
  isForced: false,
  isEveryJail: false,
  keptBack: '',
} as const;

/** Whether banshare put it in place; of what is under way that shows only afterwards. */
export function mayBeOurs(row: BanRow): boolean {
  return row.isOurs || row.status === 'pending' || row.status === 'lifting';
}

/** The row of a ban that was just decided about; what an earlier publication of it put in place stays ours. */
export function rowFor(event: Event | BanRow, chosen: Chosen, earlier: BanRow | undefined): BanRow {
  const { ip, prog, jail, seq, at, host, until, port = '', protocol = '' } = event;
  const common = {
    ip,
    prog,
    jail,
    seq,
    at,
    host,
    until,
    port,
    protocol,
    origin: 'origin' in event ? event.origin : originOf(event),
    finder: earlier === undefined || isOver(earlier, at) || isEnding(earlier) ? host : earlier.finder,
    isOurs: earlier?.isOurs ?? false,
    ...FIRST_TRY,
  };
  const earlierJail = earlier?.localJail;
  if (!chosen.apply) {
    return { ...common, localJail: earlierJail ?? jail, status: 'skipped', reason: chosen.reason };
  }
  const isMoved = earlier?.isOurs === true && earlierJail !== undefined;
  return { ...common, localJail: isMoved ? earlierJail : chosen.localJail, status: 'pending', reason: '' };
}

/** The row of an operator's unban: it runs here whatever this host knew of the ban, in the jail where it stands. */
export function rowToLift(event: Event, localJail: JailName, earlier: BanRow | undefined): BanRow {
  const { ip, prog, jail, seq, at, host, until, port = '', protocol = '' } = event;
  const known = earlier ?? {
    ip,
    prog,
    jail,
    host,
    until,
    port,
    protocol,
    localJail,
    isOurs: false,
    origin: originOf(event),
    finder: host,
  };
  return {
    ...known,
    seq,
    at,
    status: 'lifting',
    reason: '',
    ...FIRST_TRY,
    isForced: true,
    isEveryJail: event.everyJail === true,
  };
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
    ...(kind === 'ban' && row.keptBack.startsWith(UNPROVEN) ? { wasUnproven: true } : {}),
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

/** Whether it is lifted for good, and not only kept back. */
function isEnding({ status, keptBack }: BanRow): boolean {
  return status === 'lifting' && keptBack === '';
}

/** Whether a ban counts where another of the same address ends. */
export function isWanted({ status }: BanRow): boolean {
  return status !== 'lifting' && status !== 'skipped' && status !== 'released';
}

function secondsLeft(until: number | null, now: number, least: number): number {
  return until === null ? FOR_EVER : Math.max(least, Math.ceil(until - now));
}
