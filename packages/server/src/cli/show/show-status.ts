import { oneLine } from '@banshare/protocol';
import { HEADS, someOf } from '@banshare/runtime';
import { sayBackup } from '../../operator/attention/backup-attention.ts';
import { sayDrill } from '../../operator/attention/drill-attention.ts';
import { behindForNow, outForNow } from '../../operator/attention/attention.ts';
import { latencyLine } from './show-latency.ts';
import { worthLines } from './show-worth.ts';
import { cannot, MOST_SINGLE, number, time } from '../../words/phrases.ts';
import type { Status } from '../../operator/status.ts';
import { type Openness, sayOpenness } from '../../words/hosts/enrolment.ts';

/** So many muted hosts get a line each. */

/** Status for people: what matters first. */
export function showStatus(status: Status): string {
  return linesOf(status).join('\n');
}

function linesOf(status: Status): string[] {
  const { head, activeBans, epoch, generations, servers } = status;
  return [
    ...status.urgent.map(({ text }) => `${HEADS.urgent} ${text}`),
    ...status.todo.map(({ text }) => `${HEADS.todo} ${text}`),
    ...receivedLines(status),
    ...inPlaceLines(status),
    ...latencyLine(status.latency),
    ...worthLines(status.worth),
    `Active bans: ${number(activeBans)}. Last event: ${head} (epoch ${epoch}).`,
    ...rangesLine(status),
    ...sayDrill(status.drill),
    sayBackup(status.backup),
    `Generations in service: ${generations.join(', ')}. Enrolment: ${sayOpenness(opennessOf(status))}.`,
    ...(servers.length === 1 ? [] : [`Hosts know these servers: ${servers.join(', ')}.`]),
    ...(generations.length === 1 ? [] : [`Hosts by generation: ${countsText(status.hostsByGeneration)}.`]),
  ];
}

function opennessOf({ enrolment, enrolmentUntil, enrolmentEnded }: Status): Openness {
  return { mode: enrolment, until: enrolmentUntil, hasEnded: enrolmentEnded };
}

function receivedLines(status: Status): string[] {
  const { hosts, converged, behind } = status;
  if (hosts === 0) return ['No host is enrolled yet.'];
  const forNow = behindForNow(status);
  const waiting = hosts - converged - behind.length - status.muted.length;
  const what = 'received everything';
  const first =
    converged === hosts
      ? hosts === 1
        ? `The one host has ${what}.`
        : `All ${hosts} hosts have ${what}.`
      : `${converged} of ${hosts} hosts have ${what}.`;
  return [
    first,
    ...(waiting > 0 ? [`  ${waiting} ${have(waiting)} not confirmed the last events yet`] : []),
    ...(forNow.length === 0
      ? []
      : [`  ${forNow.length} away for less than an hour: ${someOf(forNow.map(({ name }) => name))}`]),
  ];
}

/** What is really there: the receipts of those hosts that send one. */
function inPlaceLines(status: Status): string[] {
  const { inPlace, listening, withoutReceipt, muted } = status;
  const forNow = outForNow(status).map(
    ({ name, placed, wanted }) => `${name} (${number(placed)} of ${number(wanted)})`,
  );
  const { hosts, complete, fewest, most } = inPlace;
  const what =
    fewest === most
      ? `${number(most)} of ${number(most)} bans`
      : `all ${number(fewest)} to ${number(most)} bans`;
  return [
    ...(hosts === 0
      ? []
      : [
          complete === 0
            ? 'In place: not all bans on any host.'
            : `In place: ${what} on ${complete} of ${hosts} ${hosts === 1 ? 'host' : 'hosts'}.`,
        ]),
    ...(forNow.length === 0
      ? []
      : [`  ${forNow.length} not wholly, for less than an hour: ${someOf(forNow)}`]),
    ...named('only listens', 'only listen', '(enforcer none)', listening),
    ...named('does not say', 'do not say', 'what is in place (an older version)', withoutReceipt),
    ...mutedLines(muted),
  ];
}

function mutedLines(muted: Status['muted']): string[] {
  if (muted.length > MOST_SINGLE)
    return [`  ${muted.length} hosts are muted: ${someOf(muted.map(({ name }) => name))}`];
  return muted.map(
    ({ name, until, note }) =>
      `  ${name} is muted until ${time(until)}${note === '' ? '' : `: ${oneLine(note)}`}`,
  );
}

function named(one: string, many: string, rest: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  if (names.length === 1) return [`  ${names[0] ?? ''} ${one} ${rest}`];
  return [`  ${names.length} hosts ${many} ${rest}: ${someOf(names)}`];
}

function rangesLine({ activeRanges, withoutRanges }: Status): string[] {
  if (activeRanges === 0 || withoutRanges.length === 0) return [];
  const which = `${activeRanges} of them ${activeRanges === 1 ? 'is of a range' : 'are of ranges'}`;
  return [`${which}: ${cannot(withoutRanges)}.`];
}

function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function have(count: number): string {
  return count === 1 ? 'has' : 'have';
}
