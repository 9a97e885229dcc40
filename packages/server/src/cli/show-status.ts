import { behindForNow, namesOf } from '../operator/attention.ts';
import type { Openness } from '../fleet/opening.ts';
import { cannot, number, sayOpenness, time } from '../say.ts';
import type { Status } from '../status.ts';

/** Status for people: what matters first. */
export function showStatus(status: Status): string {
  const { head, activeBans, epoch, generations } = status;
  return [
    ...status.urgent.map(({ text }) => `URGENT: ${text}`),
    ...status.todo.map(({ text }) => `To do: ${text}`),
    ...receivedLines(status),
    ...inPlaceLines(status),
    `Active bans: ${number(activeBans)}. Last event: ${head} (epoch ${epoch}).`,
    ...rangesLine(status),
    `Generations in service: ${generations.join(', ')}. Enrolment: ${sayOpenness(opennessOf(status))}.`,
    ...(generations.length === 1 ? [] : [`Hosts by generation: ${countsText(status.hostsByGeneration)}.`]),
  ].join('\n');
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
      : [`  ${forNow.length} away for less than an hour: ${namesOf(forNow.map(({ name }) => name))}`]),
  ];
}

/** What is really there: the receipts of those hosts that send one. */
function inPlaceLines({ inPlace, listening, withoutReceipt, muted }: Status): string[] {
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
            ? `In place: not all bans on any of ${hosts} hosts.`
            : `In place: ${what} on ${complete} of ${hosts} ${hosts === 1 ? 'host' : 'hosts'}.`,
        ]),
    ...named('only listens', 'only listen', '(enforcer none)', listening),
    ...named('does not say', 'do not say', 'what is in place (an older version)', withoutReceipt),
    ...muted.map(
      ({ name, until, note }) => `  ${name} is muted until ${time(until)}${note === '' ? '' : `: ${note}`}`,
    ),
  ];
}

function named(one: string, many: string, rest: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  if (names.length === 1) return [`  ${names[0] ?? ''} ${one} ${rest}`];
  return [`  ${names.length} hosts ${many} ${rest}: ${namesOf(names)}`];
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
