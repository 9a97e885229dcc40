import type { BanRow } from '../bans/ban-row.ts';
import { sayReason, type Reason } from '../bans/reason.ts';
import { keptBack } from '../bans/transitions.ts';
import type { DecideParts } from './parts.ts';

/**
 * Has a ban lifted that banshare put in place here, or is about to, and keeps it as `skipped` for this reason; the server is
 * told. What this host's own detection has put in place stays.
 * @returns whether the ban is kept back now.
 */
export function keepBack(row: BanRow, reason: Reason, parts: DecideParts, queued: BanRow[]): boolean {
  const next = keptBack(row, reason, parts.isUnderWay(row.ip));
  if (next === undefined) return false;
  parts.state.put(next, parts.now(), row);
  if (next.status === 'lifting') queued.push(next);
  parts.state.tell({ seq: row.seq, outcome: 'skipped', reason: sayReason(reason) });
  return true;
}
