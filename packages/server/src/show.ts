import { oneLine } from '@banshare/protocol';
import type { AuditEntry } from './audit.ts';
import { isDrilled, type DrillTime } from './drill.ts';
import type { HostStatus } from './status.ts';
import { onlyListens } from './fleet/in-place.ts';
import { sayNamesake } from './namesake.ts';
import { number, span, time } from './say.ts';
import { table } from './table.ts';

export type ShownBan = {
  ip: string;
  prog: string;
  jail: string;
  host: string;
  seq: number;
  at: number;
  until: number | null;
  isLifted?: boolean;
};

const MOST_LIFTED = 20;

export type ShownUndo = {
  lifted: ShownBan[];
  count: number;
  kept: number;
  votes: number;
  held: number;
  hosts: number;
  isDry: boolean;
};

/** Every host for people. */
export function showHosts(hosts: readonly HostStatus[], now: number, activeRanges = 0): string {
  const isUneven =
    activeRanges > 0 && hosts.some(({ state, ranges }) => state === 'active' && ranges !== true);
  if (hosts.length === 0) return 'No host is enrolled yet.';
  const rows = hosts.map((host) => [
    host.name,
    stateText(host),
    host.lag === 0 ? 'everything' : `${host.lag} behind`,
    placedText(host),
    seen(host.lastSeen, now),
    host.version ?? '',
    host.generation ?? '',
    ...(isUneven ? [host.ranges === null ? '' : host.ranges ? 'yes' : 'no'] : []),
  ]);
  const columns = ['HOST', 'STATE', 'RECEIVED', 'IN PLACE', 'LAST CONTACT', 'VERSION', 'GENERATION'];
  const names = hosts.flatMap(({ name, namesake }) =>
    namesake === null ? [] : [`${name}: ${sayNamesake(name, namesake, now)}.`],
  );
  const waiting = hosts.filter(({ waitingAddresses }) => waitingAddresses.length > 0);
  const notes = waiting.map(
    ({ name, waitingAddresses }) =>
      `${name} tells ${waitingAddresses.join(', ')}, which protects nothing yet: hosts approve ${name}`,
  );
  return [table([...columns, ...(isUneven ? ['RANGES'] : [])], rows), ...names, ...notes].join('\n');
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

/** Bans for people, the newest last. */
export function showBans(bans: readonly ShownBan[], now: number): string {
  if (bans.length === 0) return 'No such bans.';
  const rows = bans.map(({ ip, prog, jail, host, at, until, isLifted }) => [
    ip,
    jail,
    prog,
    host,
    `${span(now - at)} ago`,
    isLifted === true
      ? 'lifted, or renewed'
      : until === null
        ? 'for ever'
        : until > now
          ? `in ${span(until - now)}`
          : 'is over',
  ]);
  return table(['ADDRESS', 'JAIL', 'PROG', 'REPORTED BY', 'BANNED', 'ENDS'], rows);
}

/** What an undo took back, or would. */
export function showUndone({ lifted, count, kept, votes, held, hosts, isDry }: ShownUndo): string {
  const would = isDry ? ' would be' : '';
  const first = isDry
    ? `${counted(count, 'ban')} would be lifted on ${counted(hosts, 'host')}.`
    : `${showLifted(lifted)}${count > lifted.length ? ` ${counted(count, 'ban')} in all, on ${counted(hosts, 'host')}.` : ''}`;
  return [
    first,
    ...(kept === 0 ? [] : [`${kept} stay, since other hosts support them or they stood before.`]),
    ...(votes === 0 ? [] : [`${counted(votes, 'vote')} for a quorum${would} taken back.`]),
    ...(held === 0 ? [] : [`${counted(held, 'held ban')}${would} dropped.`]),
  ].join(' ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

export function showLifted(lifted: readonly ShownBan[]): string {
  if (lifted.length === 0) return 'Nothing was lifted.';
  const names = lifted.slice(0, MOST_LIFTED).map(({ ip, prog, jail }) => `${ip} (${prog}/${jail})`);
  const more = lifted.length - names.length;
  return `Lifted: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
}

/** The way of each host there and back, and what became of the ban there. */
export function showDrill(ip: string, hosts: readonly DrillTime[]): string {
  const rows = hosts.map((host) => [
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
  const why = reason === null ? '' : `: ${reason}`;
  const what = listens ? 'only listens' : seconds === null ? '' : `${outcome}${why}`;
  return isMuted ? `${what}${what === '' ? '' : ', '}muted` : what;
}

function seen(lastSeen: number | null, now: number): string {
  return lastSeen === null ? 'never heard of' : `heard of ${span(now - lastSeen)} ago`;
}

/** What is never banned. */
export function showNeverBan(entries: readonly { range: string; source: string }[]): string {
  const rows = entries.map(({ range, source }) => [range, source]);
  const more = 'The special ranges of IANA (private, loopback, multicast …) are never banned either.';
  return rows.length === 0 ? `Nothing is listed. ${more}` : `${table(['RANGE', 'BY'], rows)}\n${more}`;
}

/** The audit log, oldest first. */
export function showAuditLog(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return 'The audit log is empty.';
  return entries
    .map(({ n, at, what, details }) => `${n}  ${time(at)}  ${what}  ${oneLine(JSON.stringify(details))}`)
    .join('\n');
}
