import { wallSeconds, type FaultLog } from '@banshare/runtime';
import type { Applier } from './apply.ts';
import type { BanRow } from '../bans/ban-row.ts';
import { keepAllNewest, keepNewest } from '../decide/max-active.ts';
import type { Notes } from '../host/echo-notes.ts';
import { inParts, pageByPage } from '../host/in-parts.ts';
import type { State } from '../bans/state.ts';
import { begun, triedAgain, triedWithOthers } from '../bans/transitions.ts';
import type { ServerClock } from '../server/server-clock.ts';
import { endBan } from '../decide/record-news.ts';
import type { DecideParts } from '../decide/parts.ts';

const TICK_MS = 1000;
/** So many bans are ended in one tick: where thousands end at once, a new ban must not wait for all of them. */
const MOST_AT_ONCE = 500;
const SWEEP_MS = 60_000;

/** What was queued when the daemon ended is queued again, a part at a time. Ranges that could not be banned are tried once more. */
export async function resumePending(state: State, applier: Applier, isWanted = always): Promise<void> {
  const rows = UNFINISHED.flatMap((status): BanRow[] => state.withStatus(status));
  const queueing = inParts(rows, (some) => {
    if (isWanted()) for (const row of some) applier.queue(row);
  });
  // Few are queued by the time that this returns.
  if (queueing !== undefined) await queueing;
  if (!isWanted()) return;
  // The administrator may have changed the enforcer since.
  for (const row of state.ranges()) {
    if (row.status !== 'failed' || row.reason.code !== 'range') continue;
    const again = triedWithOthers(row);
    state.put(again, wallSeconds());
    applier.queue(again);
  }
}

/** A note shows that the command of a ban was begun when the daemon ended, so it is ours. */
export async function markBegun(
  state: State,
  notes: Notes,
  missingJail: string,
  isWanted = always,
): Promise<void> {
  const markAll = (rows: readonly BanRow[]): void =>
    state.inTransaction(() => {
      for (const row of rows) {
        // Where this host lacks the jail, the command banned in missing-jail and its note went there; a program that was killed at that
        // moment has not recorded that in the row.
        const isBegun = notes.has(row.localJail, row.ip) || notes.has(missingJail, row.ip);
        if (isBegun) state.put(begun(row), wallSeconds(), row);
      }
    });
  await pageByPage((behind, limit) => state.pageOf(UNFINISHED, behind, limit), markAll, isWanted);
}

const UNFINISHED = ['pending', 'lifting'] as const;
const always = (): boolean => true;

/**
 * What the clock brings: bans that are over are lifted, what failed is tried again, notes are swept. Nothing expires before
 * the server was heard: only its clock counts. Returns how to stop.
 */
export function startClockwork(
  parts: DecideParts & { state: State },
  host: { notes: Notes; faults: FaultLog; clock: Pick<ServerClock, 'now'> },
): () => void {
  let [isStopped, isLimiting] = [false, false];
  // Below max-active room also comes back where fail2ban or a person lets bans go, or where bans fail: no event tells of that.
  const keepToLimit = (): void => {
    if (isLimiting) return;
    isLimiting = true;
    void keepAllNewest(parts, () => !isStopped)
      .catch((error: unknown) =>
        host.faults.fault('max-active', `Cannot keep to max-active: ${String(error)}`),
      )
      .finally(() => (isLimiting = false));
  };
  const tick = setInterval(() => {
    if (host.clock.now() === undefined) return;
    const queued = [...liftOver(parts), ...tryAgain(parts)];
    for (const row of queued) parts.queue(row);
    if (parts.state.inPlaceCount() > (parts.maxActive ?? Infinity)) keepToLimit();
  }, TICK_MS);
  const sweep = setInterval(() => {
    void host.notes.sweep(wallSeconds());
    if (host.clock.now() !== undefined) keepToLimit();
    host.faults.sumUp();
  }, SWEEP_MS);
  return () => {
    isStopped = true;
    clearInterval(tick);
    clearInterval(sweep);
  };
}

function liftOver(parts: DecideParts): BanRow[] {
  const over = parts.state.over(parts.now(), MOST_AT_ONCE);
  const queued: BanRow[] = [];
  if (over.length === 0) return queued;
  parts.state.inTransaction(() => {
    for (const row of over) endBan(row, parts, queued);
    keepNewest(parts, queued);
  });
  return queued;
}

function tryAgain(parts: DecideParts): BanRow[] {
  const due = parts.state.dueAgain(parts.now(), MOST_AT_ONCE).map(triedAgain);
  if (due.length === 0) return due;
  parts.state.inTransaction(() => {
    for (const row of due) parts.state.put(row, parts.now());
  });
  return due;
}
