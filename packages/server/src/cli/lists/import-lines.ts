import { parseDuration, parseTarget } from '@banshare/protocol';

/** What one line of a list says, before it is checked; every field as it is written there. */
export type Entry = {
  value: unknown;
  scope?: unknown;
  duration?: unknown;
  reason?: unknown;
  type?: unknown;
  simulated?: unknown;
};

/** A line by its number: an entry, or why it is none. */
export type Line = { line: number } & ({ entry: Entry } | { fault: string });

const COMMENT = /^(?:#|;|\/\/)/;
const ADDRESS_COLUMNS = ['value', 'ip', 'address', 'ipaddress', 'cidr'];
const DURATION_COLUMNS = ['duration', 'expiration'];
/** The columns of a table that does not name them. */
const HEADLESS = ['address', 'duration', 'reason'];
const DELIMITERS = [',', ';', '\t'] as const;
/** An address or range, and what comes directly behind it. */
const PLAIN = /^([0-9a-f:.]+(?:\/[0-9]+)?)(?![^\s,;#])(\s*)(.*)$/i;

type Table = { delimiter: string; columns: readonly string[] };

/**
 * Reads lists as they are published: one address or range a line, perhaps with a comment (`#`, `;`, `//`), a count or further
 * columns behind a tab; CSV with or without a header, by comma, semicolon or tab. Nothing is guessed: what could mean a span
 * of addresses, or something else than an address, is a fault of its line.
 */
export function readLines(text: string): Line[] {
  const lines = text.split(/\r\n|\n|\r/);
  const first = lines.findIndex((line) => !isEmpty(line));
  const header = first < 0 ? undefined : headerOf(lines[first] ?? '');
  return lines.flatMap((line, index): Line[] => {
    if (isEmpty(line, header?.delimiter) || (header !== undefined && index === first)) return [];
    return [{ line: index + 1, ...(header === undefined ? readPlain(line.trim()) : readRow(line, header)) }];
  });
}

/** Whether a line says nothing; in a table by semicolons one at the beginning is an empty cell. */
function isEmpty(line: string, delimiter?: string): boolean {
  const trimmed = line.trim();
  return trimmed === '' || (COMMENT.test(trimmed) && trimmed[0] !== delimiter);
}

/** The columns that a first line names, where it names one of an address or a duration. */
function headerOf(line: string): Table | undefined {
  for (const delimiter of DELIMITERS) {
    const columns = (splitRow(line, delimiter) ?? []).map((name) => name.trim().toLowerCase());
    if (columns.some((name) => ADDRESS_COLUMNS.includes(name))) return { delimiter, columns };
  }
  return undefined;
}

function readRow(line: string, { delimiter, columns }: Table): { entry: Entry } | { fault: string } {
  const cells = splitRow(line, delimiter);
  if (cells === undefined) return { fault: 'it has a quote without its end' };
  const cell = (...names: readonly string[]): string | undefined => {
    const at = columns.findIndex((name) => names.includes(name));
    return at < 0 ? undefined : cells[at]?.trim();
  };
  // CrowdSec writes "Ip:203.0.113.9" in its list, and scope and value apart in what it imports.
  const [, scope, value] = /^(?:(ip|range|as|country):)?(.*)$/is.exec(cell(...ADDRESS_COLUMNS) ?? '') ?? [];
  const entry = {
    value,
    scope: scope ?? cell('scope'),
    duration: cell(...DURATION_COLUMNS),
    reason: cell('reason'),
    type: cell('type', 'action'),
    simulated: cell('simulated'),
  };
  return { entry };
}

/** A line of a list without a header. */
function readPlain(line: string): { entry: Entry } | { fault: string } {
  if (line.startsWith('"')) return readRow(line, { delimiter: ',', columns: HEADLESS });
  const [, value, blank = '', rest = ''] = PLAIN.exec(line) ?? [];
  if (value === undefined) return { entry: { value: wordOf(line) } };
  // A semicolon directly behind the address parts cells; one behind a blank begins a comment.
  if (rest.startsWith(',')) return readRow(line, { delimiter: ',', columns: HEADLESS });
  if (rest.startsWith(';') && blank === '') return readRow(line, { delimiter: ';', columns: HEADLESS });
  const fault = faultBehind(blank, rest);
  return fault === undefined ? { entry: { value } } : { fault };
}

/** Why a line is not just of the address that it begins with, by what stands behind that. */
function faultBehind(blank: string, rest: string): string | undefined {
  if (rest === '' || COMMENT.test(rest)) return undefined;
  const [next = ''] = rest.replace(/^[-–—]\s*/, '').split(/[\s,;]+/, 1);
  if (parseTarget(next).ok) return 'it names more than one address: write one address or range a line';
  // A count, as lists of reported addresses have it, or a column of whatever.
  if (/^\d+$/.test(rest) || blank.includes('\t')) return undefined;
  return 'what stands behind the address is no comment, which begins with # or ;';
}

/** The first word, which the fault will name. */
function wordOf(line: string): string {
  return line.split(/[\s,]/, 1)[0] ?? '';
}

/** The cells of a row; quotes as in RFC 4180, within one line. Undefined where a quote does not end. */
export function splitRow(line: string, delimiter: string): string[] | undefined {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      const quoted = /^"((?:[^"]|"")*)"/.exec(line.slice(at));
      if (quoted === null) return undefined;
      cells.push((quoted[1] ?? '').replaceAll('""', '"'));
      at += quoted[0].length;
      if (at < line.length && line[at] !== delimiter) return undefined;
    } else {
      const end = line.indexOf(delimiter, at);
      cells.push(line.slice(at, end < 0 ? line.length : end));
      at = end < 0 ? line.length : end;
    }
    if (at >= line.length) return cells;
    at += 1;
  }
}

/** Our own durations, seconds as a number, and Go's as CrowdSec writes them: "3h59m49.6s"; -1 is for ever. */
export function readSpan(duration: unknown): { seconds: number } | { fault: string } {
  if (typeof duration === 'number') return checkSpan(duration, String(duration));
  if (typeof duration !== 'string') return { fault: 'its duration is neither a text nor a number' };
  const own = parseDuration(duration);
  if (own.ok) return checkSpan(own.value, duration);
  const match = /^(-?)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.\d+)?s)?$/.exec(duration);
  if (match === null || duration === '' || duration === '-') {
    return { fault: `${JSON.stringify(duration)} is not a duration` };
  }
  const [, minus, hours = 0, minutes = 0, seconds = 0] = match;
  if (minus === '-') return { fault: 'it is over' };
  return checkSpan(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds), duration);
}

function checkSpan(seconds: number, text: string): { seconds: number } | { fault: string } {
  if (seconds === -1) return { seconds };
  if (!Number.isFinite(seconds) || seconds < 0) return { fault: `${text} is not a duration` };
  if (seconds === 0) return { fault: 'it is over' };
  return { seconds: Math.ceil(seconds) };
}
