import { setImmediate } from 'node:timers/promises';
import type { BanKey, JailName } from '@banshare/protocol';
import type { BanRow } from '../bans/ban-row.ts';
import { decidedAnew, handedOver, moved } from '../bans/transitions.ts';
import { choose } from '../decide/choose.ts';
import { MOST_IN_A_GO } from '../host/in-parts.ts';
import { isByCommand, isOfHost, everyPlaceOf, placesOf, type Placer } from '../host-enforcer/placement.ts';
import type { State } from '../bans/state.ts';
import { type Choice } from '../bans/choice.ts';

/**
 * An enforcer that is no longer asked. boot: which start of the machine it was then, unknown of what earlier versions noted;
 * trouble: why what it holds could not be lifted when that was tried last.
 */
export type Before = Placer & { boot?: string; trouble?: string };

/**
 * now: the enforcers that put this host's bans in place; before: by place those whose bans are not all lifted yet; changing: there as
 * long as bans are passed on from earlier ones to those.
 */
export type Placing = { now: Placer[]; before: Record<string, Before>; changing?: Changing };

/** From which enforcers bans are passed on, and up to which ban that is done. */
type Changing = { from: Placer[]; behind?: BanKey };

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
 * hold is noted, to be lifted by them afterwards. A part at a time, and how far it is stands in the state with each part: a client that
 * is killed goes on there at its next start. Nothing may be asked of an enforcer before it is done.
 * @param isWanted asked before each part: false ends it.
 * @returns whether those put bans elsewhere.
 */
export async function handOver(parts: HandOverParts, isWanted: () => boolean): Promise<boolean> {
  const { state, placers } = parts;
  const cutOff = placingOf(state);
  // One that was cut off goes to where it was going, whatever client.toml says by now.
  if (cutOff?.changing !== undefined) await passOn({ ...parts, placers: cutOff.now }, isWanted);
  const isCutOff = cutOff?.changing !== undefined && areElsewhere(cutOff.changing.from, cutOff.now);
  const known = placingOf(state);
  if (known !== undefined && JSON.stringify(known.now) === JSON.stringify(placers)) return isCutOff;
  if (!isWanted()) return isCutOff;
  begin(known, parts);
  await passOn(parts, isWanted);
  return isCutOff || (known !== undefined && areElsewhere(known.now, placers));
}

function begin(known: Placing | undefined, { state, placers, boot }: HandOverParts): void {
  const before: Record<string, Before> = { ...known?.before };
  for (const placer of known?.now ?? [])
    for (const place of everyPlaceOf(placer)) before[place] = { ...placer, boot };
  const changing = known === undefined ? {} : { changing: { from: known.now } };
  notePlacing(state, { now: [...placers], before, ...changing });
  if (known === undefined) state.inTransaction(() => end({ now: [...placers], before }, state));
}

/** Passes on what a change has not come to yet. */
async function passOn(parts: HandOverParts, isWanted: () => boolean): Promise<void> {
  const { state } = parts;
  while (isWanted()) {
    const placing = placingOf(state);
    if (placing?.changing === undefined) return;
    const { changing, ...rest } = placing;
    const rows = state.page(changing.behind, MOST_IN_A_GO);
    const last = rows.at(-1);
    const isLast = last === undefined || rows.length < MOST_IN_A_GO;
    state.inTransaction(() => {
      for (const row of rows) handOverRow(row, changing.from, parts);
      if (isLast) end(rest, state);
      else {
        const { ip, prog, jail } = last;
        notePlacing(state, { ...rest, changing: { from: changing.from, behind: { ip, prog, jail } } });
      }
    });
    if (isLast) return;
    await setImmediate();
  }
}

/** Every ban is passed on: what no enforcer of before holds is forgotten. */
function end({ now, before: all }: Placing, state: State): void {
  const before = { ...all };
  for (const place of now.flatMap(everyPlaceOf)) {
    // An enforcer that is still asked is compared with the state, and lifts by that what is too much in its own sets.
    if (isOfHost(place)) state.remains.clear(place);
    if (state.remains.isEmptyAt(place)) delete before[place];
  }
  notePlacing(state, { now, before });
}

function areElsewhere(earlier: readonly Placer[], later: readonly Placer[]): boolean {
  const placesBy = (all: readonly Placer[]): string => all.flatMap(everyPlaceOf).toSorted().join('\n');
  return placesBy(earlier) !== placesBy(later);
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
