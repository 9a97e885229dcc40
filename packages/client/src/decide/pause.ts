import { setImmediate } from 'node:timers/promises';
import { wallSeconds } from '@banshare/runtime';
import type { BanRow } from '../bans/ban-row.ts';
import { decidedAnew } from '../bans/transitions.ts';
import { PAUSED } from '../bans/reason.ts';
import { MOST_IN_A_GO, pageByPage } from '../host/in-parts.ts';
import { choose } from './choose.ts';
import type { DecideParts } from './parts.ts';
import { keepBack } from './keep-back.ts';
import { FIRST_TO_LAST, keepNewest } from './max-active.ts';

/*
 * Whether this host is paused stands in the state from the first moment; its bans follow it, a part at a time, and timers,
 * news and commands have their turn between two parts. What comes meanwhile is decided by the new word already, and each part
 * looks at the rows as they are by then. Where the word changes again, whoever still works for the other one ends. A program
 * that is killed on the way goes on from what the state says at its next start.
 */

/**
 * Lifts on this host everything that banshare applied, and applies nothing until resume(): the way back in from a console. It
 * stands in the state, and so outlives restarts. The first part is queued when this returns, and the promise tells how many
 * bans are concerned.
 */
export function pause(parts: DecideParts): Promise<number> {
  // First of all: nothing that comes from now on is applied.
  parts.choice.isPaused = true;
  if (parts.state.pausedAt() === undefined) parts.state.setPaused(wallSeconds());
  return liftAll(parts, () => parts.choice.isPaused);
}

/** Ends the pause: what was kept back by it is decided anew. The promise tells how many bans are applied again. */
export function resume(parts: DecideParts): Promise<number> {
  parts.choice.isPaused = false;
  parts.state.setPaused(undefined);
  return decideAnew(parts, () => !parts.choice.isPaused);
}

/** Lifts what a pause had not reached when the program before this one ended; to be called before anything is applied. */
export async function goOnPausing(parts: DecideParts, signal: AbortSignal): Promise<void> {
  if (parts.choice.isPaused) await liftAll(parts, () => parts.choice.isPaused && !signal.aborted);
}

/** Decides anew about what resume() had not reached when the program before this one ended. */
export async function goOnResuming(
  parts: DecideParts,
  signal: AbortSignal,
  fault: (key: string, text: string) => void,
): Promise<void> {
  if (parts.choice.isPaused || parts.state.keptByPause.count === 0) return;
  try {
    await decideAnew(parts, () => !parts.choice.isPaused && !signal.aborted);
  } catch (error) {
    fault('resume', `Cannot bring back what a pause kept back: ${(error as Error).message}`);
  }
}

async function liftAll(parts: DecideParts, isWanted: () => boolean): Promise<number> {
  const { state, queue } = parts;
  let count = 0;
  if (parts.handingOver !== undefined) await parts.handingOver;
  const keepAllBack = (rows: readonly BanRow[]): void => {
    const queued: BanRow[] = [];
    state.inTransaction(() => {
      for (const row of rows) if (keepBack(row, PAUSED, parts, queued)) count += 1;
    });
    for (const row of queued) queue(row);
  };
  await pageByPage((behind, limit) => state.notSkipped(behind, limit), keepAllBack, isWanted);
  return count;
}

async function decideAnew(parts: DecideParts, isWanted: () => boolean): Promise<number> {
  let count = 0;
  if (parts.handingOver !== undefined) await parts.handingOver;
  while (isWanted()) {
    const rows = newestKept(parts);
    const queued: BanRow[] = [];
    parts.state.inTransaction(() => {
      for (const row of rows) {
        const again = decidedAnew(row, choose(row, parts.choice, parts.now()), PAUSED);
        parts.state.put(again, parts.now(), row);
        if (again.status === 'pending') queued.push(again);
      }
      keepNewest(parts, queued);
    });
    for (const row of queued) parts.queue(row);
    count += queued.filter((row) => parts.state.get(row)?.status === 'pending').length;
    if (rows.length < MOST_IN_A_GO) break;
    await setImmediate();
  }
  return count;
}

/** A part of what is kept back, in the order in which a host that takes only so many wants it. */
function newestKept({ state }: DecideParts): BanRow[] {
  const rows: BanRow[] = [];
  for (const origin of FIRST_TO_LAST)
    if (rows.length < MOST_IN_A_GO)
      rows.push(...state.keptByPause.newest(origin, MOST_IN_A_GO - rows.length));
  return rows;
}
