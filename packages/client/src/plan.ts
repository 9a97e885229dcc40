import { banKeyText, type BanKey } from '@banshare/protocol';

/** What a snapshot means for what this host has: `put` is new here, `move` has only another end, `drop` is over. */
export type Plan<Wanted, Have> = { put: Wanted[]; move: Wanted[]; drop: Have[] };

/** Compares the active bans of the fleet with what this host took over, and gives the smallest set of changes. */
export function plan<Wanted extends BanKey, Have extends BanKey>(
  wanted: readonly Wanted[],
  have: readonly Have[],
): Plan<Wanted, Have> {
  const here = new Map(have.map((ban) => [banKeyText(ban), ban]));
  const put: Wanted[] = [];
  const move: Wanted[] = [];
  for (const ban of wanted) {
    const key = banKeyText(ban);
    (here.has(key) ? move : put).push(ban);
    here.delete(key);
  }
  return { put, move, drop: [...here.values()] };
}
