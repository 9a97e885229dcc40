import { oneLine } from '@banshare/protocol';
import type { AuditEntry } from './audit.ts';
import type { DrillTime } from './drill.ts';
import type { HostStatus, Status, Trouble } from './status.ts';
import { sayNamesake } from './namesake.ts';
import { cannot, span, time } from './say.ts';
import { table } from './table.ts';
import { widerText } from './wider-ranges.ts';

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

const MOST_NAMED = 10;

/** Status for people: what matters first. */
export function showStatus(status: Status, now: number): string {
  const { hosts, converged, behind, wrongClocks, head, activeBans, epoch, generations } = status;
  const waiting = hosts - converged - behind.length;
  const namesakeText = (name: string, before: string): string => {
    const namesake = status.namesakes.find(({ of }) => of === name);
    return namesake === undefined ? '' : before + sayNamesake(name, namesake, now);
  };
  const { held, pending, renamed, enrolment, enrolmentHold, doubled, bannedHosts } = status;
  return [
    ...(held === 0
      ? []
      : [
          `${held} new ${held === 1 ? 'ban is' : 'bans are'} HELD by a brake: banshare-server release publishes them, drop forgets them.`,
        ]),
    ...(enrolmentHold === null
      ? []
      : [
          `Enrolment is BRAKED: ${enrolmentHold.reason}; ${enrolmentHold.tries} tries since ${time(enrolmentHold.since)}. If they are not yours: banshare-server enrolment closed.`,
        ]),
    firstLine(hosts, converged, behind.length),
    ...(waiting > 0 && behind.length > 0 ? [`  ${waiting} have not confirmed the last events yet`] : []),
    ...named(behind, (trouble) => `${trouble.name} is ${lagText(trouble)}, ${seen(trouble.lastSeen, now)}`),
    ...named(
      wrongClocks,
      ({ name, clockAhead }) => `${name}'s clock is ${clockText(clockAhead ?? 0)}: set it by NTP`,
    ),
    ...doubled.map(
      (name) => `  Two machines speak with the key of ${name}: one is a clone, and needs a key of its own`,
    ),
    ...named(
      pending,
      (name) => `${name} waits for you: banshare-server hosts approve ${name}${namesakeText(name, '; ')}`,
    ),
    ...named(renamed, ({ name, wanted }) => `${name} calls itself ${wanted}${namesakeText(name, ': ')}`),
    ...named(bannedHosts, ({ host, address, bans }) =>
      widerText(`${host} comes from ${address}, which`, bans, 'is banned as'),
    ),
    ...(status.clockJump === 0
      ? []
      : [
          `  This machine's clock is ${clockText(status.clockJump, ' of')} the time that bans go by: set it by NTP`,
        ]),
    `Active bans: ${activeBans}. Last event: ${head} (epoch ${epoch}).`,
    ...rangesLine(status),
    `Generations in service: ${generations.join(', ')}. Enrolment: ${enrolment}.`,
    ...(generations.length === 1 ? [] : [`Hosts by generation: ${countsText(status.hostsByGeneration)}.`]),
  ].join('\n');
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

function named<T>(troubles: readonly T[], say: (trouble: T) => string): string[] {
  const more = troubles.length - MOST_NAMED;
  const lines = troubles.slice(0, MOST_NAMED).map((trouble) => `  ${say(trouble)}`);
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}

function lagText({ lag, lagSeconds }: Trouble): string {
  return lag === 0 ? 'silent' : `${lag} behind for ${span(lagSeconds)}`;
}

function clockText(ahead: number, of = ''): string {
  return `${span(Math.abs(ahead))} ${ahead > 0 ? `ahead${of}` : 'behind'}`;
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
