import { someOf, table } from '@banshare/runtime';
import { oneLine } from '@banshare/protocol';
import { type AuditEntry, LIMIT_ENTRY } from '../../ledger/books/audit.ts';
import { isDrilled, type DrillTime } from '../../words/drill.ts';
import type { UndoAnswer } from '../../operator/deeds/undo.ts';
import type { HostStatus } from '../../operator/status.ts';
import { onlyListens } from '../../fleet/in-place.ts';
import { sayNamesake } from '../../fleet/namesake.ts';
import { sayWhere, type Whereabouts } from '../../words/whereabouts.ts';
import { number, span, time } from '../../words/phrases.ts';
import { droppedCell } from './show-worth.ts';

export type ShownBan = {
  ip: string;
  prog: string;
  jail: string;
  host: string;
  seq: number;
  at: number;
  until: number | null;
  reason?: string;
  isLifted?: boolean;
} & Whereabouts;

/** So many bans are printed where nobody asks for more: what is above scrolls away. */
export const MOST_BANS = 100;

const MOST_LIFTED = 20;
/** From so many hosts on what they all repeat is said once, in these columns. */
const MANY_HOSTS = 5;
const COLLAPSED: ReadonlySet<string> = new Set(['VERSION', 'NODE', 'GENERATION', 'RANGES']);

type ShownUndo = Omit<UndoAnswer, 'lifted'> & { lifted: ShownBan[] };

/** Who waits, was shut out or has not come receives nothing. */
function receivedText({ state, lag }: HostStatus): string {
  if (state === 'pending' || state === 'revoked' || state === 'admitted') return '';
  return lag === 0 ? 'everything' : `${lag} behind`;
}

type Column = [heading: string, cell: (host: HostStatus) => string];

/** Every host for people. */
export function showHosts(hosts: readonly HostStatus[], now: number, activeRanges = 0): string {
  const isUneven =
    activeRanges > 0 && hosts.some(({ state, ranges }) => state === 'active' && ranges !== true);
  if (hosts.length === 0) return 'No host is enrolled yet.';
  const isOfSeveral = hosts.some(({ server }) => server !== null);
  const columns: Column[] = [
    ['HOST', ({ name }) => name],
    ['STATE', stateText],
    ['RECEIVED', receivedText],
    ['IN PLACE', placedText],
    ...(hosts.some(({ dropped }) => dropped !== null)
      ? [['DROPPED', ({ dropped }) => droppedCell(dropped)] satisfies Column]
      : []),
    ['LAST CONTACT', ({ lastSeen }) => seen(lastSeen, now)],
    ['VERSION', ({ version }) => version ?? ''],
    ['NODE', ({ node, version }) => node ?? (version === null ? '' : 'unknown')],
    ['GENERATION', ({ generation }) => generation ?? ''],
    ...(isOfSeveral ? [['SERVER', ({ server }) => server ?? ''] satisfies Column] : []),
    ...(hosts.some(({ token }) => token !== null)
      ? [['TOKEN', ({ token }) => token ?? ''] satisfies Column]
      : []),
    ...(isUneven ? [['RANGES', rangesText] satisfies Column] : []),
  ];
  // What all of many hosts have in common is said once.
  const common =
    hosts.length < MANY_HOSTS
      ? []
      : columns.filter(([heading, cell]) => COLLAPSED.has(heading) && areSame(hosts, cell));
  const shown = columns.filter((column) => !common.includes(column));
  const rows = hosts.map((host) => shown.map(([, cell]) => cell(host)));
  const names = each(
    hosts.filter(({ namesake }) => namesake !== null),
    ({ name, namesake }) => (namesake === null ? '' : `${name}: ${sayNamesake(name, namesake, now)}.`),
    'ask for a name that another host has',
  );
  const notes = each(
    hosts.filter(({ waitingAddresses }) => waitingAddresses.length > 0),
    ({ name, waitingAddresses }) =>
      `${name} tells ${waitingAddresses.join(', ')}, which protects nothing yet: hosts approve ${name}`,
    'tell addresses, which protects nothing yet: hosts approve NAME',
  );
  const [first] = hosts;
  const same = common.flatMap(([heading, cell]) =>
    first === undefined || cell(first) === '' ? [] : [`${heading} of all: ${cell(first)}`],
  );
  return [
    table(
      shown.map(([heading]) => heading),
      rows,
    ),
    ...same,
    ...names,
    ...notes,
  ].join('\n');
}

function areSame(hosts: readonly HostStatus[], cell: (host: HostStatus) => string): boolean {
  return new Set(hosts.map(cell)).size === 1;
}

/** A line for each of a few hosts, and one for all of many. */
function each(hosts: readonly HostStatus[], one: (host: HostStatus) => string, all: string): string[] {
  if (hosts.length < MANY_HOSTS) return hosts.map(one);
  return [`${hosts.length} hosts ${all}: ${someOf(hosts.map(({ name }) => name))}`];
}

function rangesText({ ranges }: HostStatus): string {
  return ranges === null ? '' : ranges ? 'yes' : 'no';
}

function stateText({ state, isRotating, receipt, mutedUntil }: HostStatus): string {
  return [
    state,
    ...(receipt?.pausedSince === undefined ? [] : ['PAUSED']),
    ...(receipt !== null && receipt.failed > 0 ? ['failing'] : []),
    ...(receipt !== null && receipt.full > 0 ? ['full'] : []),
    ...(mutedUntil === null ? [] : ['muted']),
    ...(isRotating ? ['new key waits'] : []),
  ].join(', ');
}

function placedText({ receipt }: HostStatus): string {
  if (receipt === null) return '';
  if (onlyListens(receipt)) return 'listens';
  const { placed, wanted } = receipt;
  return placed === wanted ? number(placed) : `${number(placed)} of ${number(wanted)}`;
}

/** Bans for people, the newest last, and how many older ones there are. */
export function showBans(bans: readonly ShownBan[], now: number, older = 0): string {
  if (bans.length === 0) return 'No such bans.';
  const hasWhere = bans.some((ban) => sayWhere(ban) !== '');
  const hasReason = bans.some(({ reason }) => reason !== undefined);
  const rows = bans.map((ban) => [
    ban.ip,
    ban.jail,
    ban.prog,
    ban.host,
    `${span(now - ban.at)} ago`,
    endText(ban, now),
    ...(hasWhere ? [sayWhere(ban)] : []),
    ...(hasReason ? [ban.reason ?? ''] : []),
  ]);
  const headings = ['ADDRESS', 'JAIL', 'PROG', 'REPORTED BY', 'BANNED', 'ENDS'];
  return [
    table([...headings, ...(hasWhere ? ['WHERE'] : []), ...(hasReason ? ['REASON'] : [])], rows),
    ...(older === 0 ? [] : [`And ${number(older)} older: --limit N or --all-rows shows them.`]),
  ].join('\n');
}

function endText({ until, isLifted }: ShownBan, now: number): string {
  if (isLifted === true) return 'lifted, or renewed';
  if (until === null) return 'for ever';
  return until > now ? `in ${span(until - now)}` : 'is over';
}

/** What an undo took back, or would. */
export function showUndone({ lifted, count, kept, shortened, votes, held, hosts, isDry }: ShownUndo): string {
  const would = isDry ? ' would be' : '';
  const first = isDry
    ? `${counted(count, 'ban')} would be lifted on ${counted(hosts, 'host')}.`
    : `${showLifted(lifted)}${count > lifted.length ? ` ${counted(count, 'ban')} in all, on ${counted(hosts, 'host')}.` : ''}`;
  return [
    first,
    ...(kept === 0 ? [] : [`${kept} stay, since other hosts support them or they stood before.`]),
    ...(shortened === 0
      ? []
      : [`${shortened} of them${isDry ? ' would' : ''} end earlier again, as the others' reports say.`]),
    ...(votes === 0 ? [] : [`${counted(votes, 'vote')} for a quorum${would} taken back.`]),
    ...(held === 0 ? [] : [`${counted(held, 'held ban')}${would} dropped.`]),
  ].join(' ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

export function showLifted(lifted: readonly ShownBan[]): string {
  if (lifted.length === 0) return 'Nothing was lifted.';
  const names = lifted.map(({ ip, prog, jail }) => `${ip} (${prog}/${jail})`);
  return `Lifted: ${someOf(names, MOST_LIFTED)}.`;
}

/** The way of each host there and back, and what became of the ban there. */
export function showDrill(ip: string, hosts: readonly DrillTime[]): string {
  // The last lines are those that a person sees.
  const inOrder = hosts.toSorted((one, other) => Number(isDrilled(other)) - Number(isDrilled(one)));
  const rows = inOrder.map((host) => [
    host.host,
    host.seconds === null ? 'no answer' : `${Math.round(host.seconds * 1000)} ms`,
    outcomeText(host),
  ]);
  const missing = hosts.filter((host) => !isDrilled(host)).length;
  const end =
    missing === 0
      ? `No host that should ban ${ip} failed to`
      : `${missing} of ${hosts.length} hosts did not ban ${ip}`;
  return `${table(['HOST', 'CONFIRMED AFTER', 'OUTCOME'], rows)}\n${end}; it is lifted again.`;
}

function outcomeText({ seconds, outcome, reason, listens, isMuted }: DrillTime): string {
  const why = reason === null ? '' : `: ${oneLine(reason)}`;
  const what = listens ? 'only listens' : seconds === null ? '' : `${outcome}${why}`;
  return isMuted ? `${what}${what === '' ? '' : ', '}muted` : what;
}

function seen(lastSeen: number | null, now: number): string {
  return lastSeen === null ? 'never heard of' : `heard of ${span(now - lastSeen)} ago`;
}

/** What is never banned. */
export function showNeverBan(entries: readonly ShownNeverBan[]): string {
  const rows = entries.map(({ range, source, by = '', until = null, note = '' }) => [
    range,
    by === '' ? source : `${source} by ${oneLine(by)}`,
    until === null ? '' : time(until),
    oneLine(note),
  ]);
  const more = 'The special ranges of IANA (private, loopback, multicast …) are never banned either.';
  return rows.length === 0
    ? `Nothing is listed. ${more}`
    : `${table(['RANGE', 'BY', 'ENDS', 'NOTE'], rows)}\n${more}`;
}

/** An entry of the never-ban list; what was added may have an end, epoch seconds, a note, and somebody who said so. */
export type ShownNeverBan = {
  range: string;
  source: string;
  until?: number | null;
  note?: string;
  by?: string;
};

/** Who asked for a deed: a command only said so, of the page it is whom a link let in. */
function askerText(by: unknown, way: unknown): string {
  if (typeof by !== 'string') return '';
  return way === 'page' ? `  by ${oneLine(by)} on the page` : `  by ${oneLine(by)}, as the command said`;
}

/** The audit log, oldest first. */
export function showAuditLog(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'The audit log is empty.';
  return entries
    .map(
      ({ n, at, what, details: { by, way, ...details } }) =>
        `${n}  ${time(at)}  ${what === LIMIT_ENTRY ? 'limit' : what}${askerText(by, way)}  ${oneLine(JSON.stringify(details))}`,
    )
    .join('\n');
}
