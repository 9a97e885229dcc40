import { oneLine } from '@banshare/protocol';
import type { AuditEntry } from './audit.ts';
import type { DrillTime } from './drill.ts';
import type { HostStatus, Status } from './status.ts';
import type { Openness } from './fleet/opening.ts';
import { sayNamesake } from './namesake.ts';
import { behindForNow, namesOf } from './operator/attention.ts';
import { cannot, sayOpenness, span, time } from './say.ts';
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

export type ShownUndo = { lifted: ShownBan[]; kept: number; votes: number; held: number };

/** Status for people: what matters first. */
export function showStatus(status: Status): string {
  const { hosts, converged, behind, head, activeBans, epoch, generations } = status;
  const waiting = hosts - converged - behind.length;
  const forNow = behindForNow(status);
  return [
    ...status.urgent.map(({ text }) => `URGENT: ${text}`),
    ...status.todo.map(({ text }) => `To do: ${text}`),
    firstLine(hosts, converged, behind.length),
    ...(waiting > 0 && behind.length > 0 ? [`  ${waiting} have not confirmed the last events yet`] : []),
    ...(forNow.length === 0
      ? []
      : [
          `  ${forNow.length} not in place for less than an hour: ${namesOf(forNow.map(({ name }) => name))}`,
        ]),
    `Active bans: ${activeBans}. Last event: ${head} (epoch ${epoch}).`,
    ...rangesLine(status),
    `Generations in service: ${generations.join(', ')}. Enrolment: ${sayOpenness(opennessOf(status))}.`,
    ...(generations.length === 1 ? [] : [`Hosts by generation: ${countsText(status.hostsByGeneration)}.`]),
  ].join('\n');
}

function opennessOf({ enrolment, enrolmentUntil, enrolmentEnded }: Status): Openness {
  return { mode: enrolment, until: enrolmentUntil, hasEnded: enrolmentEnded };
}

/** Every host for people. */
export function showHosts(hosts: readonly HostStatus[], now: number, activeRanges = 0): string {
  const isUneven =
    activeRanges > 0 && hosts.some(({ state, ranges }) => state === 'active' && ranges !== true);
  if (hosts.length === 0) return 'No host is enrolled yet.';
  const rows = hosts.map((host) => [
    host.name,
    host.isRotating ? `${host.state}, new key waits` : host.state,
    host.lag === 0 ? 'everything' : `${host.lag} behind`,
    seen(host.lastSeen, now),
    host.version ?? '',
    host.generation ?? '',
    ...(isUneven ? [host.ranges === null ? '' : host.ranges ? 'yes' : 'no'] : []),
  ]);
  const columns = ['HOST', 'STATE', 'HAS', 'LAST CONTACT', 'VERSION', 'GENERATION'];
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

/** What an undo took back. */
export function showUndone({ lifted, kept, votes, held }: ShownUndo): string {
  return [
    showLifted(lifted),
    ...(kept === 0 ? [] : [`${kept} stay, since other hosts support them.`]),
    ...(votes === 0 ? [] : [`${votes} ${votes === 1 ? 'vote' : 'votes'} for a quorum taken back.`]),
    ...(held === 0 ? [] : [`${held} held ${held === 1 ? 'ban' : 'bans'} dropped.`]),
  ].join(' ');
}

export function showLifted(lifted: readonly ShownBan[]): string {
  if (lifted.length === 0) return 'Nothing was lifted.';
  return `Lifted: ${lifted.map(({ ip, prog, jail }) => `${ip} (${prog}/${jail})`).join(', ')}.`;
}

/** The time of each host there and back. */
export function showDrill(ip: string, hosts: readonly DrillTime[]): string {
  const rows = hosts.map(({ host, seconds }) => [
    host,
    seconds === null ? 'no answer' : `${Math.round(seconds * 1000)} ms`,
  ]);
  const missing = hosts.filter(({ seconds }) => seconds === null).length;
  const end =
    missing === 0
      ? `All ${hosts.length} hosts banned ${ip}`
      : `${missing} of ${hosts.length} hosts did not answer for ${ip}`;
  return `${table(['HOST', 'BANNED AND CONFIRMED AFTER'], rows)}\n${end}; it is lifted again.`;
}

function rangesLine({ activeRanges, withoutRanges }: Status): string[] {
  if (activeRanges === 0 || withoutRanges.length === 0) return [];
  const which = `${activeRanges} of them ${activeRanges === 1 ? 'is of a range' : 'are of ranges'}`;
  return [`${which}: ${cannot(withoutRanges)}.`];
}

function firstLine(hosts: number, converged: number, behind: number): string {
  if (hosts === 0) return 'No host is enrolled yet.';
  if (converged === hosts)
    return hosts === 1 ? 'The one host has everything.' : `All ${hosts} hosts have everything.`;
  if (behind === 0)
    return `${converged} of ${hosts} hosts have everything, the others have not confirmed the last events yet.`;
  return `${converged} of ${hosts} hosts have everything.`;
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

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
