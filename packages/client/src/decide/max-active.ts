import { setImmediate } from 'node:timers/promises';
import { OPERATOR_HOST, type Origin } from '@banshare/protocol';
import type { BanRow } from '../bans/ban-row.ts';
import { decidedAnew } from '../bans/transitions.ts';
import { MOST_IN_A_GO } from '../host/in-parts.ts';
import { choose } from './choose.ts';
import { keepBack } from './keep-back.ts';
import type { State } from '../bans/state.ts';
import { FULL } from '../bans/reason.ts';
import type { DecideParts } from './parts.ts';
import type { ClientConfig } from '@banshare/runtime';

/** Whose bans a full host keeps: each rather than those behind it. */
export const FIRST_TO_LAST: readonly Origin[] = ['operator', 'host', 'import'];

/** So many change in one go at most: twice what a part of a burst brings, so that a host that is far above its limit comes down. */
const MOST_AT_ONCE = 2 * MOST_IN_A_GO;

/**
 * Above `[apply] max-active` bans give way: first what was imported, then what hosts found, of the host that brought most, and
 * what a person typed only where there is nothing else; of each the oldest, since what attacks now counts more. Below it what
 * was left out has its turn, in the other order, the newest first.
 * @returns whether there may be more to do: keepAllNewest() does it.
 */
export function keepNewest(parts: DecideParts, queued: BanRow[]): boolean {
  if (parts.maxActive === undefined) return false;
  const surplus = parts.state.inPlaceCount() - parts.maxActive;
  const count = Math.min(Math.abs(surplus), MOST_AT_ONCE);
  if (surplus > 0) {
    const kept = leastWanted(count, parts.state).filter((row) => keepBack(row, FULL, parts, queued));
    // What stands here and is not banshare's to lift cannot give way: it would be found again without an end.
    return kept.length > 0 && surplus > count;
  }
  if (surplus === 0 || parts.choice.isPaused || parts.state.hasAll) return false;
  return fillUp(count, parts, queued) === MOST_AT_ONCE;
}

/**
 * The same for however many there are, a part at a time: an administrator has lowered max-active, or thousands of bans ended at
 * once.
 */
export async function keepAllNewest(parts: DecideParts, isWanted: () => boolean): Promise<void> {
  for (let isMore = true; isMore && isWanted();) {
    const queued: BanRow[] = [];
    parts.state.inTransaction(() => {
      isMore = keepNewest(parts, queued);
    });
    for (const row of queued) parts.queue(row);
    if (isMore) await setImmediate();
  }
}

function leastWanted(count: number, state: State): BanRow[] {
  const rows = state.inPlace.oldest('import', OPERATOR_HOST, count);
  for (const [host, share] of sharesOf(
    count - rows.length,
    rows.length < count ? state.inPlace.byHost() : [],
  ))
    rows.push(...state.inPlace.oldest('host', host, share));
  if (rows.length < count) rows.push(...state.inPlace.oldest('operator', OPERATOR_HOST, count - rows.length));
  return rows;
}

/** How many each host has to give up, so that those with the most come down to one another first. The most come first. */
export function sharesOf(
  count: number,
  hosts: readonly { host: string; count: number }[],
): [host: string, share: number][] {
  let left = count;
  // After what was given up so far, no host has more than this.
  let level = hosts[0]?.count ?? 0;
  let above = 0;
  for (; left > 0 && level > 0; above += 1) {
    const next = hosts[above + 1]?.count ?? 0;
    const isEnough = (level - next) * (above + 1) >= left;
    const down = isEnough ? Math.floor(left / (above + 1)) : level - next;
    level -= down;
    left -= down * (above + 1);
    if (isEnough) break;
  }
  const shares = hosts
    .slice(0, above + 1)
    .map(({ host, count: had }): [string, number] => [host, had - level]);
  // What is left cannot be divided by the number of hosts: some give up one more.
  return shares.map(([host, share], index) => [host, share + (index < left ? 1 : 0)]);
}

/** @returns how many have had their turn. */
function fillUp(room: number, { state, choice, now }: DecideParts, queued: BanRow[]): number {
  let left = room;
  for (const origin of FIRST_TO_LAST) {
    if (left <= 0) break;
    const rows = state.inPlace.newestLeftOut(origin, now(), left);
    left -= rows.length;
    for (const row of rows) {
      const again = decidedAnew(row, choose(row, choice, now()), FULL);
      state.put(again, now(), row);
      if (again.status === 'pending') queued.push(again);
    }
  }
  return room - left;
}

/** What a set of the kernel holds easily: as many as the server publishes by default. */
const IN_KERNEL = 500_000;

/** fail2ban takes 6 ms and a kilobyte for each, and as long again at each of its restarts. */
const ELSEWHERE = 50_000;

/** How many bans this host has in place at most: what client.toml says, or what its enforcers can well hold. */
export function mostActive({ apply, enforcer }: Pick<ClientConfig, 'apply' | 'enforcer'>): number {
  if (apply.maxActive !== undefined) return apply.maxActive;
  const kinds = enforcer.length > 0 ? enforcer.map(({ kind }) => kind) : [apply.enforcer];
  return kinds.every((kind) => kind === 'nftables' || kind === 'ipset') ? IN_KERNEL : ELSEWHERE;
}
