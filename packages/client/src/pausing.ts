import { wallSeconds } from '@banshare/runtime';
import { rowFor, type BanRow } from './ban-row.ts';
import { inParts } from './bans/in-parts.ts';
import { choose } from './choose.ts';
import { keepBack } from './keep-back.ts';
import { keepNewest } from './keep-newest.ts';
import type { State } from './state.ts';
import { PAUSED } from './bans/choice.ts';
import type { TakeParts } from './decide/parts.ts';

/**
 * Lifts on this host everything that banshare applied, and applies nothing until resume(): the way back in from a console. It
 * stands in the state, and so outlives restarts. Returns how many bans are concerned.
 */
export async function pause(parts: TakeParts): Promise<number> {
  const { state } = parts;
  let count = 0;
  // First of all: nothing that comes from now on is applied.
  parts.choice.isPaused = true;
  if (state.pausedAt() === undefined) state.setPaused(wallSeconds());
  await inParts(state.keys(), (some) => {
    const queued: BanRow[] = [];
    state.together(() => {
      for (const row of some.flatMap((ban) => state.get(ban) ?? []))
        if (keepBack(row, PAUSED, parts, queued)) count += 1;
    });
    for (const row of queued) parts.queue(row);
  });
  return count;
}

/** Ends the pause: what was kept back by it is decided anew. Returns how many bans are applied again. */
export function resume(parts: TakeParts): number {
  const queued: BanRow[] = [];
  parts.choice.isPaused = false;
  parts.state.together(() => {
    parts.state.setPaused(undefined);
    for (const row of parts.state.all()) {
      const isKept = row.status === 'skipped' && row.reason === PAUSED;
      const isBeingLifted = row.status === 'lifting' && row.keptBack === PAUSED;
      if (!isKept && !isBeingLifted) continue;
      // The server was told that it is paused; what becomes of it now is news.
      const again = { ...rowFor(row, choose(row, parts.choice, parts.now()), row), keptBack: PAUSED };
      parts.state.put(again, parts.now());
      if (again.status === 'pending') queued.push(again);
    }
    keepNewest(parts, queued);
  });
  for (const row of queued) parts.queue(row);
  return queued.filter((row) => parts.state.get(row)?.status === 'pending').length;
}

/** How many bans the pause has not lifted yet. */
export function stillToLift(state: State): number {
  return state.withStatus('lifting').filter(({ keptBack }) => keptBack === PAUSED).length;
}
