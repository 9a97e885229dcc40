import { oneLine } from '@banshare/protocol';
import { someOf } from '@banshare/runtime';
import { isDrilled, DRILL_PATIENCE_SECONDS, type Drilled } from '../../words/drill.ts';
import { MOST_SINGLE, span, time } from '../../words/phrases.ts';
import type { DrillFacts, Entry, Facts } from './facts.ts';

/** More than this share of the hosts that did not do what a drill asked for is urgent. */
const URGENT_SHARE = 0.1;
/** A drill by the clock that is so much too late does not come. */
const LATE_SECONDS = 3600;

/** What is told of the last drill, of hosts that still count; null where there was none and none is to be. */
export function drillFacts(
  last: Drilled | undefined,
  { everySeconds, limitSeconds }: { everySeconds: number | undefined; limitSeconds: number },
  counting: readonly string[],
): DrillFacts | null {
  if (last === undefined && everySeconds === undefined) return null;
  const names = new Set(counting);
  const hosts = (last?.hosts ?? []).filter(({ host, isMuted }) => !isMuted && names.has(host));
  const times = hosts.flatMap(({ seconds }) => seconds ?? []);
  return {
    at: last?.at ?? null,
    every: everySeconds ?? null,
    limit: limitSeconds,
    hosts: hosts.length,
    slowest: times.length === 0 ? null : Math.max(...times),
    missed: hosts
      .filter((host) => !isDrilled(host))
      .map(({ host, outcome, reason }) => ({ host, outcome, reason })),
    slow: hosts.flatMap(({ host, seconds }) =>
      seconds !== null && seconds > limitSeconds ? [{ host, seconds }] : [],
    ),
  };
}

/** Where nobody drills by the clock whoever does sees for himself what came of it. */
function awaited({ drill }: Facts): (DrillFacts & { at: number; every: number }) | undefined {
  if (drill === null || drill.at === null || drill.every === null) return undefined;
  return { ...drill, at: drill.at, every: drill.every };
}

/** So many hosts did not ban what they should have that they are more than always are away. */
export function drillFailed(facts: Facts): Entry[] {
  return missed(facts, true);
}

/** Single hosts that missed the last drill or were slow, and a drill that does not come. */
export function drillToDo(facts: Facts): Entry[] {
  return [...missed(facts, false), ...slow(facts), ...late(facts)];
}

function missed(facts: Facts, ofMany: boolean): Entry[] {
  const drill = awaited(facts);
  if (drill === undefined || drill.missed.length > drill.hosts * URGENT_SHARE !== ofMany) return [];
  // Hosts that are behind now are named for that.
  const away = new Set(facts.behind.map(({ name }) => name));
  const hosts = drill.missed.filter(({ host }) => !away.has(host));
  const what = `did not ban what the drill of ${time(drill.at)} asked for within ${DRILL_PATIENCE_SECONDS} s`;
  const again = 'banshare-server drill tries it again';
  const code = 'drill-missed';
  if (hosts.length <= MOST_SINGLE)
    return hosts.map((host) => ({ code, text: `${host.host} ${what}${whyOf(host)}; ${again}` }));
  const who = someOf(hosts.map(({ host }) => host));
  return [{ code, text: `${hosts.length} of ${drill.hosts} hosts ${what}: ${who}; ${again}` }];
}

function slow(facts: Facts): Entry[] {
  const drill = awaited(facts);
  if (drill === undefined || drill.slow.length === 0) return [];
  const { slow, limit, at } = drill;
  const who = someOf(slow.map(({ host, seconds }) => `${host} (${sayMoment(seconds)})`));
  const text = `Slower than the ${sayMoment(limit)} of [drill] limit in the drill of ${time(at)}: ${who}; look at what banshare-client status says there`;
  return [{ code: 'drill-slow', text }];
}

/** While the fleet is frozen, or the ledger cannot be written, no drill can be, and that is said. */
function late({ drill, frozen, cannotCommit, startedAt, now }: Facts): Entry[] {
  if (drill === null || drill.every === null || frozen !== null || cannotCommit !== null) return [];
  const { at, every } = drill;
  if (now - Math.max(startedAt, at ?? 0) < every + LATE_SECONDS) return [];
  const since = at === null ? 'There was no drill yet' : `There was no drill since ${time(at)}`;
  const text = `${since}, although [drill] every is ${span(every)}: journalctl -u banshare-server says why`;
  return [{ code: 'drill-late', text }];
}

/** The last drill in a line; none where there was none. */
export function sayDrill(drill: DrillFacts | null): string[] {
  if (drill === null || drill.at === null || drill.hosts === 0) return [];
  const done = drill.hosts - drill.missed.length;
  const who =
    done === drill.hosts
      ? done === 1
        ? 'the one host'
        : `all ${done} hosts`
      : `${done} of ${drill.hosts} hosts`;
  const when = done === 0 || drill.slowest === null ? '' : ` within ${sayMoment(drill.slowest)}`;
  return [`Drill of ${time(drill.at)}: ${who}${when}.`];
}

function whyOf({ outcome, reason }: DrillFacts['missed'][number]): string {
  if (outcome === 'waiting') return '';
  return ` (${outcome}${reason === null ? '' : `: ${oneLine(reason)}`})`;
}

/** Seconds with their milliseconds, as far as they say anything. */
function sayMoment(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${Math.round(seconds * 10) / 10} s`;
}
