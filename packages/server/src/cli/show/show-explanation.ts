import { oneLine } from '@banshare/protocol';
import type { Explanation } from '../../operator/looking/explain.ts';
import { span, time } from '../../words/phrases.ts';
import { sayWhere } from '../../words/whereabouts.ts';
import { droppedLines } from './show-worth.ts';

type Told = Explanation['reports'][number];
type Happened = Explanation['events'][number];

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
    ...outcomes.map(({ host: name, outcome, reason, at: known, ms }) => {
      const why = reason === null ? '' : ` (${oneLine(reason)})`;
      return `      ${name}: ${outcome === 'waiting' ? 'not confirmed yet' : outcome}${why}${ms === null ? '' : `, in place after ${ms} ms`}${known === null ? '' : `, known since ${time(known)}`}`;
    }),
  ];
}
