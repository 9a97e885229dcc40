import { banKeyText, type BanKey } from '@banshare/protocol';

/** What leads from what is there to what is wanted: `put` is new, `move` has only another end, `drop` is over. */
export type Plan<Wanted, Have> = { put: Wanted[]; move: Wanted[]; drop: Have[] };

/** The smallest set of changes between the active bans of the fleet and what this host took over. */
export function plan<Wanted extends BanKey, Have extends BanKey>(
  wanted: readonly Wanted[],
  have: readonly Have[],
): Plan<Wanted, Have> {
  return compare(wanted, have, { key: banKeyText, isSame: () => false });
}

/** An address in a local jail, or in EVERY_JAIL where it stands for the whole host, and when it is let go: epoch seconds, null for ever. */
export type Placed = { jail: string; ip: string; until: number | null };
/** The same as an enforcer tells it; where it does not know the end, that is undefined. */
export type Found = { jail: string; ip: string; until: number | null | undefined };

/** The smallest set of changes between what should be banned here and what the enforcer really has. */
export function planRepair<Wanted extends Placed, Have extends Found>(
  wanted: readonly Wanted[],
  have: readonly Have[],
  toleranceSeconds: number,
): Plan<Wanted, Have> {
  return compare(wanted, have, {
    key: ({ jail, ip }) => `${jail} ${ip}`,
    isSame: (one, other) => {
      if (other.until === undefined) return true;
      if (one.until === null || other.until === null) return one.until === other.until;
      return Math.abs(one.until - other.until) <= toleranceSeconds;
    },
  });
}

function compare<Item, Wanted extends Item, Have extends Item>(
  wanted: readonly Wanted[],
  have: readonly Have[],
  by: { key: (item: Wanted | Have) => string; isSame: (wanted: Wanted, have: Have) => boolean },
): Plan<Wanted, Have> {
  const here = new Map(have.map((each) => [by.key(each), each]));
  const put: Wanted[] = [];
  const move: Wanted[] = [];
  for (const each of wanted) {
    const key = by.key(each);
    const found = here.get(key);
    if (found === undefined) put.push(each);
    else if (!by.isSame(each, found)) move.push(each);
    here.delete(key);
  }
  return { put, move, drop: [...here.values()] };
}
