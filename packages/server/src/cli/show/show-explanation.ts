import { oneLine } from '@banshare/protocol';
import type { Explanation } from '../../operator/looking/explain.ts';
import { span, time } from '../../words/phrases.ts';
import { sayWhere } from '../../words/whereabouts.ts';
import { droppedLines } from './show-worth.ts';

/** So many hosts have a line for each event; of a large fleet those that need a look. */
const MOST_HOSTS = 20;

type Told = Explanation['reports'][number];
type Happened = Explanation['events'][number];
type Outcome = Happened['outcomes'][number];

/** Why, who and where. */
export function showExplanation(explanation: Explanation): string {
  const { ip, reports, supporters, events, dropped } = explanation;
  const where = sayWhere(explanation);
  if (reports.length === 0 && events.length === 0) return `Nothing is known of ${ip}.`;
  /** What it is about is not said again on each line. */
  const of = (target: string): string => (target === ip ? '' : `${target} `);
  return [
    where === '' ? ip : `${ip}  ${where}`,
    '',
    'Reports:',
    ...reports.flatMap((report) => [reportLine(report, of(report.ip)), ...evidenceLines(report)]),
    '',
    'Events:',
    ...events.flatMap((event) => eventLines(event, of(event.ip))),
    ...supporters.flatMap(({ ip: target, prog, jail, hosts }) => [
      '',
      `${of(target)}${prog}/${jail} is supported by ${hosts.join(', ')}.`,
    ]),
    ...after('', droppedLines(dropped, ip)),
  ].join('\n');
}

/** Lines with one before them, where there are any. */
function after(first: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [first, ...lines];
}

function reportLine(report: Told, of: string): string {
  const { host, ip, target, prog, jail, kind, at, received, verdict, reason } = report;
  const said = kind === 'unban' ? 'took back' : 'reported';
  const wider = target === ip ? '' : ` (a ban of ${target})`;
  const why = reason === null ? '' : ` (${oneLine(reason)})`;
  return `  ${time(received)}  ${host} ${said} ${of}${prog}/${jail}${wider}${waitedText(received - at)}: ${verdict}${why}`;
}

/** How long a report had waited on its host, as in a spool. */
function waitedText(seconds: number): string {
  return seconds < 1 ? '' : `, found ${span(seconds)} before`;
}

/** What an attacker wrote is shown as what it is of, and begins no line by itself. */
function evidenceLines({ evidence }: Told): string[] {
  if (evidence === null) return [];
  return evidence.split('\n').map((line) => `      evidence: ${oneLine(line)}`);
}

function eventLines(
  { seq, kind, prog, jail, host, at, until, reason: said, outcomes, committedMs, publishedMs }: Happened,
  of: string,
): string[] {
  const end = kind === 'unban' ? '' : `, ${until === null ? 'for ever' : `until ${time(until)}`}`;
  return [
    `  ${time(at)}  #${seq} ${kind} ${of}${prog}/${jail} by ${host}${end}${said === undefined ? '' : `: ${oneLine(said)}`}`,
    ...(committedMs === null || publishedMs === null
      ? []
      : [`      committed ${committedMs} ms and published ${publishedMs} ms after it came`]),
    ...outcomeLines(outcomes),
  ];
}

/** What each host made of an event; of more than have a line those where it failed or waits, and the others are counted. */
function outcomeLines(outcomes: readonly Outcome[]): string[] {
  if (outcomes.length <= MOST_HOSTS) return outcomes.map(outcomeLine);
  const sorted = outcomes.toSorted((one, other) => rankOf(one) - rankOf(other));
  const made = Map.groupBy(sorted.slice(MOST_HOSTS), madeText);
  const more = [...made].map(([text, hosts]) => `${hosts.length.toLocaleString('en-US')} ${text}`);
  const rest = (outcomes.length - MOST_HOSTS).toLocaleString('en-US');
  return [
    ...sorted.slice(0, MOST_HOSTS).map(outcomeLine),
    `      and ${rest} more: ${more.join(', ')}; --json has all`,
  ];
}

function outcomeLine(told: Outcome): string {
  const { host, reason, at, ms } = told;
  const why = reason === null ? '' : ` (${oneLine(reason)})`;
  const after = ms === null ? '' : `, in place after ${ms} ms`;
  return `      ${host}: ${madeText(told)}${why}${after}${at === null ? '' : `, known since ${time(at)}`}`;
}

function madeText({ outcome }: Outcome): string {
  return outcome === 'waiting' ? 'not confirmed yet' : outcome;
}

/** What failed stands first, then what is not known yet, then what was not simply applied. */
function rankOf({ outcome, reason }: Outcome): number {
  if (outcome === 'failed') return 0;
  if (outcome === 'waiting') return 1;
  return reason === null ? 3 : 2;
}
