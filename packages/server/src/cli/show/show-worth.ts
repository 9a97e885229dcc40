import { oneLine } from '@banshare/protocol';
import { someOf } from '@banshare/runtime';
import type { DroppedThere, HostWorth, Worth } from '../../fleet/worth.ts';
import { number, span, time } from '../../words/phrases.ts';

/** So many hosts get a line each. */
const MOST_LINES = 20;

/** What shared bans were worth: packets, as far as hosts count them. */
export function worthLines(worth: Worth): string[] {
  const { counting, hosts, packets, unknown, since } = worth;
  if (counting === 0)
    return unknown.length === 0 ? [] : [`How much shared bans have dropped is unknown: ${whyText(unknown)}.`];
  const from = since === null ? '' : `, since ${time(since)}`;
  const first =
    packets === 0
      ? `No packet was dropped by a ban that another host had found, on ${counted(counting, 'host')} that ${counting === 1 ? 'counts' : 'count'}${from}.`
      : `${counted(packets, 'packet')} of ${addressesText(worth)} on ${counted(hosts, 'host')} ${packets === 1 ? 'was' : 'were'} dropped by bans that another host had found${from}.`;
  return [first, ...beforeLine(worth), ...othersLine(worth), ...unknownLine(unknown)];
}

/** The same of one address or range, host by host. */
export function droppedLines(dropped: readonly DroppedThere[], asked: string): string[] {
  const some = dropped
    .filter(({ packets }) => packets !== null && packets > 0)
    .toSorted((one, other) => (other.packets ?? 0) - (one.packets ?? 0));
  const none = dropped.filter(({ packets }) => packets === 0);
  const few = dropped.filter(({ atMost }) => atMost !== null);
  const unknown = dropped.flatMap(({ host: name, why }) => (why === null ? [] : [{ name, why }]));
  const lines = [
    ...some.slice(0, MOST_LINES).map((there) => droppedLine(there, asked)),
    ...restLine(some.slice(MOST_LINES)),
    ...fewLine(few),
    ...(none.length === 0 ? [] : [`  none on ${someOf(none.map(({ host }) => host))}`]),
    ...(unknown.length === 0 ? [] : [`  unknown: ${whyText(unknown)}`]),
  ];
  return lines.length === 0 ? [] : ['Packets dropped of it:', ...lines];
}

/** What a host has dropped, in one cell. */
export function droppedCell(dropped: HostWorth | null): string {
  if (dropped === null) return 'unknown';
  const packets = number(dropped.v4 + dropped.v6);
  return dropped.partly ? `${packets} or more` : packets;
}

/** Hosts beyond those that have a line each, together. */
function restLine(rest: readonly DroppedThere[]): string[] {
  if (rest.length === 0) return [];
  const packets = rest.reduce((sum, there) => sum + (there.packets ?? 0), 0);
  return [`  ${number(packets)} on ${counted(rest.length, 'more host')}`];
}

/** Hosts where it is none of those that sent most, and so can have sent no more than the last of these. */
function fewLine(few: readonly DroppedThere[]): string[] {
  if (few.length === 0) return [];
  const most = Math.max(...few.map(({ atMost }) => atMost ?? 0));
  return [
    `  at most ${number(most)} on ${someOf(few.map(({ host }) => host))}: it is none of those that sent most there`,
  ];
}

function droppedLine({ host, target, packets, least, most }: DroppedThere, asked: string): string {
  const where = target === asked ? '' : ` (${target})`;
  return `  ${host}${where}: ${number(packets ?? 0)}${least === null || most === null ? '' : `; ${firstText(least, most)}`}`;
}

/** When the first packet came: it lies between two readings of the counter. */
function firstText(least: number, most: number): string {
  if (least === 0) return `the first came within ${span(most)} of the ban being in place there`;
  const [from, to] = [span(least), span(most)];
  return `banned before it came: the first came ${from === to ? `about ${from}` : `${from} to ${to}`} after the ban was in place there`;
}

/** How often a ban was there before the address. A packet that came before the first reading after the ban proves neither. */
function beforeLine({ arrivals, before }: Worth): string[] {
  if (arrivals === 0) return [];
  const others = arrivals - before;
  const came = `the other ${number(others)} came sooner, mostly within a minute of the ban`;
  return [
    `  Banned before it came: ${number(before)} of ${number(arrivals)} times a reading after the ban still showed no packet${others === 0 ? '' : `; ${came}`}.`,
  ];
}

function addressesText({ addresses, isAtLeast }: Worth): string {
  return `${isAtLeast ? 'at least ' : ''}${number(addresses)} ${addresses === 1 ? 'address' : 'addresses'}`;
}

/** Operators' bans, those of lists, and what a host reported itself, where anything came of them. */
function othersLine({ v4, v6, packets }: Worth): string[] {
  return v4 + v6 <= packets
    ? []
    : [
        `  With bans of operators, of lists and of the hosts themselves: ${number(v4)} packets of IPv4, ${number(v6)} of IPv6.`,
      ];
}

function unknownLine(unknown: Worth['unknown']): string[] {
  return unknown.length === 0 ? [] : [`  Unknown: ${whyText(unknown)}.`];
}

/** Which hosts, for each reason. */
function whyText(unknown: Worth['unknown']): string {
  const reasons = Map.groupBy(unknown, ({ why }) => why);
  return someOf(
    [...reasons].map(([why, hosts]) => `${someOf(hosts.map(({ name }) => name))} (${oneLine(why)})`),
  );
}

function counted(count: number, what: string): string {
  return `${number(count)} ${what}${count === 1 ? '' : 's'}`;
}
