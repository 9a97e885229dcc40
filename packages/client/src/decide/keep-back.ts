import { FIRST_TRY, mayBeOurs, type BanRow } from '../bans/ban-row.ts';
import type { TakeParts } from './parts.ts';

/**
 * Has a ban lifted that banshare put in place here, or is about to, and keeps it as `skipped` for this reason; the server is
 * told. What this host's own detection has put in place stays.
 * @returns whether the ban is kept back now.
 */
export function keepBack(row: BanRow, reason: string, parts: TakeParts, queued: BanRow[]): boolean {
  // What is over is being lifted already.
  const isOver = row.status === 'lifting' && row.keptBack === '';
  if (row.status === 'skipped' || isOver) return false;
  if (mayBeOurs(row)) {
    const lifting: BanRow = { ...row, status: 'lifting', reason: '', ...FIRST_TRY, keptBack: reason };
    parts.state.put(lifting, parts.now());
    queued.push(lifting);
  } else if (row.status === 'failed') {
    parts.state.put({ ...row, status: 'skipped', reason, ...FIRST_TRY }, parts.now());
  } else return false;
  parts.state.tell({ seq: row.seq, outcome: 'skipped', reason });
  return true;
}
