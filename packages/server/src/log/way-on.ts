import { span } from '../words/phrases.ts';
import type { LogFault, LogFaultCode, LogPosition } from './log.ts';

/**
 * What a server does after a fault of the log. wait: it tries again, nothing is wrong with its replica. snapshot: it applies nothing more, and
 * begins by itself with the newest snapshot, since the log has all that it had. install: others have a newer program, so has it to have.
 * person: the log cannot be trusted, or lacks what was acknowledged; whatever a program did by itself could be what an attacker wants.
 */
export type WayOn = 'wait' | 'snapshot' | 'install' | 'person';

const WAYS: Readonly<Record<LogFaultCode, WayOn>> = {
  away: 'wait',
  unknown: 'wait',
  'no-standby': 'wait',
  refused: 'wait',
  conflict: 'snapshot',
  pruned: 'snapshot',
  newer: 'install',
  forged: 'person',
  forked: 'person',
};

/** What a server does after a fault. */
export function wayOn({ code }: Pick<LogFault, 'code'>): WayOn {
  return WAYS[code];
}

/** A replica that began with a snapshot and does not fit the log again within so long has a fault that another snapshot does not mend. */
const ONCE_IN_SECONDS = 3600;

/** Why a replica stopped which could begin with a snapshot, and when this server did so last, epoch seconds. */
export type Before = { readonly fault: LogFault; readonly last: number | undefined };

/** What is built of the log instead of a replica, and how much the replica has that it lacks. */
export type Instead = {
  readonly before: LogPosition;
  readonly there: LogPosition;
  readonly lacks: { readonly events: number; readonly deeds: number };
};

/** Why a replica that stopped does not begin with a snapshot by itself again; undefined where it may. */
export function whyNotAgain({ fault, last }: Before, now: number): string | undefined {
  if (wayOn(fault) !== 'snapshot') return fault.message;
  const ago = last === undefined ? Infinity : Math.abs(now - last);
  if (ago >= ONCE_IN_SECONDS) return undefined;
  return `${fault.message}. It began with a snapshot ${span(ago)} ago, and does not so again within an hour: find out what is wrong with its disk, or who writes its file`;
}

/**
 * Why what is built of the log does not replace a replica; undefined where it does. Where the log has the replica's last entry, as with a
 * conflict, all that was acknowledged is there by its proof. Where that entry is pruned, or the log began anew, a replica that has more could be the
 * only one that has it.
 */
export function whyNotInstead(
  { code }: Pick<LogFault, 'code'>,
  { before, there, lacks }: Instead,
): string | undefined {
  if (there.n < before.n)
    return `the log ends with entry ${there.n}, and this server has applied ${before.n}: entries that were acknowledged are missing there`;
  const { events, deeds } = lacks;
  if (code === 'conflict' || events + deeds === 0) return undefined;
  return `it has ${events} ${events === 1 ? 'ban or unban' : 'bans and unbans'} and ${deeds} ${deeds === 1 ? 'entry' : 'entries'} of the audit log that the log lacks. Where they are to be kept stop all servers, and here: banshare-server restore --from-replica --force. Where not, here: banshare-server ledger join FILE, which keeps its file aside`;
}
