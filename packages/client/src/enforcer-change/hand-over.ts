import { setImmediate } from 'node:timers/promises';
import type { BanKey, JailName } from '@banshare/protocol';
import type { BanRow } from '../bans/ban-row.ts';
import { decidedAnew, handedOver, moved } from '../bans/transitions.ts';
import { choose } from '../decide/choose.ts';
import { MOST_IN_A_GO } from '../host/in-parts.ts';
import {
  isByCommand,
  isOfHost,
  everyHolderOf,
  holdersOf,
  type NotedEnforcer,
} from '../host-enforcer/noted-enforcers.ts';
import type { State } from '../bans/state.ts';
import { type Choice } from '../bans/choice.ts';

/**
 * An enforcer that is no longer asked. boot: which start of the machine it was then, unknown of what earlier versions noted;
 * trouble: why what it holds could not be lifted when that was tried last.
 */
export type Before = NotedEnforcer & { boot?: string; trouble?: string };

/**
 * now: the enforcers that put this host's bans in place; before: by holder those whose bans are not all lifted yet; changing: there as
 * long as bans are passed on from earlier ones to those.
 */
export type NotedEnforcers = { now: NotedEnforcer[]; before: Record<string, Before>; changing?: Changing };

/** From which enforcers bans are passed on, and up to which ban that is done. */
type Changing = { from: NotedEnforcer[]; behind?: BanKey };

/** What a hand-over looks at; now is epoch seconds. */
export type HandOverParts = {
  state: State;
  enforcers: readonly NotedEnforcer[];
  choice: Choice;
  localJailOf: (ban: BanKey) => JailName;
  /** Which start of the machine this is. */
  boot: string;
  now: () => number;
};

/** By which enforcers this host's bans were put in place; undefined where that was never noted. */
export function notedEnforcers(state: State): NotedEnforcers | undefined {
  const text = state.memory('enforcers').recall();
  return text === undefined ? undefined : (JSON.parse(text) as NotedEnforcers);
}

export function noteEnforcers(state: State, note: NotedEnforcers): void {
  state.memory('enforcers').remember(JSON.stringify(note));
}

/**
 * Where client.toml asks for other enforcers than before, every ban is to be put in place by those, and what the earlier ones
 * hold is noted, to be lifted by them afterwards. A part at a time, and how far it is stands in the state with each part: a client that
 * is killed goes on there at its next start. Nothing may be asked of an enforcer before it is done.
 * @param isWanted asked before each part: false ends it.
 * @returns whether those put bans elsewhere.
 */
export async function handOver(parts: HandOverParts, isWanted: () => boolean): Promise<boolean> {
  const { state, enforcers } = parts;
  const cutOff = notedEnforcers(state);
  // One that was cut off goes to where it was going, whatever client.toml says by now.
  if (cutOff?.changing !== undefined) await passOn({ ...parts, enforcers: cutOff.now }, isWanted);
  const isCutOff = cutOff?.changing !== undefined && areElsewhere(cutOff.changing.from, cutOff.now);
  const known = notedEnforcers(state);
  if (known !== undefined && JSON.stringify(known.now) === JSON.stringify(enforcers)) return isCutOff;
  if (!isWanted()) return isCutOff;
  begin(known, parts);
  await passOn(parts, isWanted);
  return isCutOff || (known !== undefined && areElsewhere(known.now, enforcers));
}

function begin(known: NotedEnforcers | undefined, { state, enforcers, boot }: HandOverParts): void {
  const before: Record<string, Before> = { ...known?.before };
  for (const noted of known?.now ?? [])
    for (const holder of everyHolderOf(noted)) before[holder] = { ...noted, boot };
  const changing = known === undefined ? {} : { changing: { from: known.now } };
  noteEnforcers(state, { now: [...enforcers], before, ...changing });
  if (known === undefined) state.inTransaction(() => end({ now: [...enforcers], before }, state));
}

/** Passes on what a change has not come to yet. */
async function passOn(parts: HandOverParts, isWanted: () => boolean): Promise<void> {
  const { state } = parts;
  while (isWanted()) {
    const note = notedEnforcers(state);
    if (note?.changing === undefined) return;
    const { changing, ...rest } = note;
    const rows = state.page(changing.behind, MOST_IN_A_GO);
    const last = rows.at(-1);
    const isLast = last === undefined || rows.length < MOST_IN_A_GO;
    state.inTransaction(() => {
      for (const row of rows) handOverRow(row, changing.from, parts);
      if (isLast) end(rest, state);
      else {
        const { ip, prog, jail } = last;
        noteEnforcers(state, { ...rest, changing: { from: changing.from, behind: { ip, prog, jail } } });
      }
    });
    if (isLast) return;
    await setImmediate();
  }
}

/** Every ban is passed on: what no enforcer of before holds is forgotten. */
function end({ now, before: all }: NotedEnforcers, state: State): void {
  const before = { ...all };
  for (const holder of now.flatMap(everyHolderOf)) {
    // An enforcer that is still asked is compared with the state, and lifts by that what is too much in its own sets.
    if (isOfHost(holder)) state.remains.clear(holder);
    if (state.remains.isEmptyAt(holder)) delete before[holder];
  }
  noteEnforcers(state, { now, before });
}

function areElsewhere(earlier: readonly NotedEnforcer[], later: readonly NotedEnforcer[]): boolean {
  const holdersBy = (all: readonly NotedEnforcer[]): string =>
    all.flatMap(everyHolderOf).toSorted().join('\n');
  return holdersBy(earlier) !== holdersBy(later);
}

function handOverRow(row: BanRow, earlier: readonly NotedEnforcer[], parts: HandOverParts): void {
  const { state, enforcers, now } = parts;
  const old = holdersIn(earlier, row);
  const next = holdersIn(enforcers, row);
  const isNothingNew = next.every((holder) => old.includes(holder));
  if (isNothingNew && old.length === next.length) return;
  if (row.status === 'skipped' || row.status === 'released') {
    decideAnew(row, parts);
    return;
  }
  // client.toml asks again for an enforcer that has not been made to let this ban go yet: it stands there already.
  const held = next.filter((holder) => row.status !== 'lifting' && state.remains.has(holder, row));
  for (const holder of held) state.remains.remove({ ...row, holder });
  const gone = old.filter((holder) => !next.includes(holder) && (isOfHost(holder) || row.isOurs));
  const isBefore = next.some(isByCommand);
  for (const holder of gone) state.remains.add({ ...row, holder, isBefore: isBefore && isByCommand(holder) });
  const keepsJail = old.some((holder) => next.includes(holder) && !isOfHost(holder));
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

function holdersIn(enforcers: readonly NotedEnforcer[], row: BanRow): string[] {
  return [...new Set(enforcers.flatMap((noted) => holdersOf(noted, row)))];
}
