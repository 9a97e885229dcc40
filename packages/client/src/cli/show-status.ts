import { HEADS } from '@banshare/runtime';
import type { Phase } from '../follow/progress.ts';
import type { ClientStatus, SpoolStatus } from '../admin/status.ts';

/** So many addresses that sent most are named. */
const MOST_NAMED = 5;

/** What has to be said before all else. */
export function showPaused(at: number): string {
  return `${HEADS.paused} since ${time(at)}: nothing is applied on this host until banshare-client resume.`;
}

/** The same for people. */
export function showStatus(status: ClientStatus): string {
  const { name, phase, trouble, server, position, heardSecondsAgo, enforcer, bans, spool } = status;
  const who = name === '' ? 'This host' : name;
  const first: Record<Phase, string> = {
    starting: `${who} is starting.`,
    enrolling: `${who} is not enrolled yet.`,
    connecting: `${who} is not connected to ${server}.`,
    'in-step': `${who} has received everything up to event ${position ?? 0} of ${server}.`,
    lagging: `${who} has more than ${server}, and keeps what it has.`,
    refused: `${who} is refused by ${server}.`,
  };
  const counts = Object.entries(bans).map(([word, count]) => `${count} ${word}`);
  return [
    first[phase],
    ...(trouble === '' ? [] : [`  ${trouble}`]),
    ...serverLines(status),
    ...(heardSecondsAgo === null ? [] : [`The server was heard ${heardSecondsAgo} s ago.`]),
    `Bans here: ${counts.length === 0 ? 'none' : counts.join(', ')}. Enforcer: ${enforcer}.`,
    ...droppedLines(status),
    ...(status.lacking === 0 ? [] : [lackingText(status.lacking, server)]),
    ...status.ways,
    ...status.advice,
    ...status.unlifted,
    ...status.unproven,
    ...status.unprotected,
    ...status.earlierEnforcers.map(
      (holder) => `Not lifted yet, from before the enforcer was changed: what ${holder} holds of banshare.`,
    ),
    ...restartLines(status),
    ...spoolLines(spool),
  ].join('\n');
}

function restartLines({ needsRestart = [] }: ClientStatus): string[] {
  if (needsRestart.length === 0) return [];
  return [
    `client.toml says otherwise than what this client goes by: ${needsRestart.join(', ')}; systemctl restart banshare-client takes it over.`,
  ];
}

/** Which of several servers this host uses, and what is the matter with it. */
function serverLines({ server, serverSince, otherServers, serverIsStale }: ClientStatus): string[] {
  const since = serverSince === null ? '' : ` since ${time(serverSince)}`;
  return [
    ...(otherServers.length === 0
      ? []
      : [`It uses the server ${server}${since}; ${otherServers.join(', ')} would follow.`]),
    ...(serverIsStale
      ? [
          `The database of ${server} is away: it takes no reports, which wait${otherServers.length === 0 ? '' : ', and no other server does'}.`,
        ]
      : []),
  ];
}

/** What the bans here have dropped: packets, which are not attacks. */
function droppedLines({ dropped, uncounted }: ClientStatus): string[] {
  if (dropped === undefined)
    return uncounted === undefined ? [] : [`What was dropped here is unknown: ${uncounted}.`];
  const { v4, v6, found, addresses, before, since, ago, every, partly, top } = dropped;
  const most = top.slice(0, MOST_NAMED).map(({ ip, packets }) => `${ip} (${number(packets)})`);
  return [
    `Dropped here: ${number(v4)} packets of IPv4 and ${number(v6)} of IPv6 since ${time(since)}${partly ? ', and what is not counted' : ''}; read ${ago} s ago, every ${every} s.`,
    `  ${number(found)} of them, of ${number(addresses)} ${addresses === 1 ? 'address' : 'addresses'}, by bans that another host had found; ${number(before)} of these had sent nothing yet when the counters were read after the ban.`,
    ...(most.length === 0 ? [] : [`  Most: ${most.join(', ')}.`]),
  ];
}

function number(count: number): string {
  return count.toLocaleString('en-US');
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

function lackingText(count: number, server: string): string {
  return `${count} ${count === 1 ? 'ban' : 'bans'} here ${count === 1 ? 'is' : 'are'} in no ledger of ${server}, which has another history of the same epoch: they stay until their end, or until banshare-server unban ADDRESS.`;
}

function spoolLines({ waiting, oldestSeconds, dead }: SpoolStatus): string[] {
  const lines: string[] = [];
  if (waiting > 0)
    lines.push(
      `Spool: ${waiting} ${waiting === 1 ? 'report waits' : 'reports wait'} for the server, the oldest for ${oldestSeconds} s.`,
    );
  if (dead > 0)
    lines.push(
      `Dead letters: ${dead} ${dead === 1 ? 'report was' : 'reports were'} given up; the reasons are in the spool's folder dead.`,
    );
  return lines;
}
