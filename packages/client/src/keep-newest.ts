import { rowFor, type BanRow } from './ban-row.ts';
import { choose } from './choose.ts';
import { keepBack } from './keep-back.ts';
import type { TakeParts } from './take.ts';

/** Why a ban is left out on a host that has as many as it takes. */
export const FULL = 'full';

/**
 * Above `[apply] max-active` the oldest bans give way: what attacks now counts more. Below it the newest of those that were
 * left out have their turn.
 */
export function keepNewest(parts: TakeParts, queued: BanRow[]): void {
  if (parts.maxActive === undefined) return;
  const surplus = parts.state.inPlaceCount() - parts.maxActive;
  if (surplus > 0) for (const row of parts.state.oldestInPlace(surplus)) keepBack(row, FULL, parts, queued);
  else if (surplus < 0 && !parts.choice.isPaused) fillUp(-surplus, parts, queued);
}

function fillUp(room: number, { state, choice, now }: TakeParts, queued: BanRow[]): void {
  for (const row of state.newestLeftOut(now(), room)) {
    // The server was told that it is left out; what becomes of it now is news.
    const again = { ...rowFor(row, choose(row, choice, now()), row), keptBack: FULL };
    state.put(again, now());
    if (again.status === 'pending') queued.push(again);
  }
}
