import type { BanKey, JailName } from '@banshare/protocol';
import type { BanRow } from '../bans/ban-row.ts';
import { decidedAnew, handedOver, moved } from '../bans/transitions.ts';
import { choose } from '../decide/choose.ts';
import { isByCommand, isOfHost, everyPlaceOf, placesOf, type Placer } from '../host-enforcer/placement.ts';
import type { State } from '../bans/state.ts';
import { type Choice } from '../bans/choice.ts';

/**
 * An enforcer that is no longer asked. boot: which start of the machine it was then, unknown of what earlier versions noted;
 * trouble: why what it holds could not be lifted when that was tried last.
 */
export type Before = Placer & { boot?: string; trouble?: string };

/** now: the enforcers that put this host's bans in place; before: by place those whose bans are not all lifted yet. */
export type Placing = { now: Placer[]; before: Record<string, Before> };

/** What a hand-over looks at; now is epoch seconds. */
export type HandOverParts = {
  state: State;
  placers: readonly Placer[];
  choice: Choice;
  localJailOf: (ban: BanKey) => JailName;
  /** Which start of the machine this is. */
  boot: string;
  now: () => number;
};

/** By which enforcers this host's bans were put in place; undefined where that was never noted. */
export function placingOf(state: State): Placing | undefined {
  const text = state.memory('enforcers').recall();
  return text === undefined ? undefined : (JSON.parse(text) as Placing);
}

export function notePlacing(state: State, placing: Placing): void {
  state.memory('enforcers').remember(JSON.stringify(placing));
}

/**
 * Where client.toml asks for other enforcers than before, every ban is to be put in place by those, and what the earlier ones
 * hold is noted, to be lifted by them afterwards. All in one transaction: a crash at any point only repeats the rest.
 * @returns whether those put bans elsewhere.
 */
export function handOver(parts: HandOverParts): boolean {
  const { state, placers, boot } = parts;
  const known = placingOf(state);
  if (known !== undefined && JSON.stringify(known.now) === JSON.stringify(placers)) return false;
  state.inTransaction(() => {
    const before: Record<string, Before> = { ...known?.before };
    for (const placer of known?.now ?? [])
      for (const place of everyPlaceOf(placer)) before[place] = { ...placer, boot };
    if (known !== undefined) for (const row of state.all()) handOverRow(row, known.now, parts);
    for (const place of placers.flatMap(everyPlaceOf)) {
      // An enforcer that is still asked is compared with the state, and lifts by that what is too much in its own sets.
      if (isOfHost(place)) state.remains.clear(place);
      if (state.remains.at(place).length === 0) delete before[place];
    }
    notePlacing(state, { now: [...placers], before });
  });
  const placesBy = (all: readonly Placer[]): string => all.flatMap(everyPlaceOf).toSorted().join('\n');
  return known !== undefined && placesBy(known.now) !== placesBy(placers);
}

function handOverRow(row: BanRow, earlier: readonly Placer[], parts: HandOverParts): void {
  const { state, placers, now } = parts;
  const old = placesIn(earlier, row);
  const next = placesIn(placers, row);
  const isNothingNew = next.every((place) => old.includes(place));
  if (isNothingNew && old.length === next.length) return;
  if (row.status === 'skipped' || row.status === 'released') {
    decideAnew(row, parts);
    return;
  }
  // client.toml asks again for an enforcer that has not been made to let this ban go yet: it stands there already.
  const held = next.filter((place) => row.status !== 'lifting' && state.remains.has(place, row));
  for (const place of held) state.remains.remove({ ...row, place });
  const gone = old.filter((place) => !next.includes(place) && (isOfHost(place) || row.isOurs));
  const isBefore = next.some(isByCommand);
  for (const place of gone) state.remains.add({ ...row, place, isBefore: isBefore && isByCommand(place) });
  const keepsJail = old.some((place) => next.includes(place) && !isOfHost(place));
  const localJail = keepsJail ? row.localJail : parts.localJailOf(row);
  const there = { localJail, isOurs: keepsJail ? row.isOurs : held.some((each) => !isOfHost(each)) };
  if (row.status === 'lifting' || (keepsJail && isNothingNew)) state.put(moved(row, there), now());
  else state.put(handedOver(row, there, isBefore && gone.some(isByCommand)), now());
}

/** Decides anew about a ban that was left out: why the earlier enforcers did nothing may not hold for these. */
function decideAnew(row: BanRow, { state, choice, now }: HandOverParts): void {
  const chosen = choose(row, choice, now());
  const isAnew = row.status === 'skipped' && row.reason.code !== 'full' && chosen.apply;
  if (isAnew) state.put(decidedAnew({ ...row, isOurs: false }, chosen, row.reason), now());
}

function placesIn(placers: readonly Placer[], row: BanRow): string[] {
  return [...new Set(placers.flatMap((placer) => placesOf(placer, row)))];
}
