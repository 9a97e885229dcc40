import { parseDuration, parseTarget, type Target } from '@banshare/protocol';

/** A ban to import; seconds undefined leaves the duration to the server. */
type ImportedBan = { ip: Target; seconds?: number; reason?: string };

/** What a file held, and what of it could not be used, with the reason. */
export type Imported = { bans: ImportedBan[]; refused: { line: number; why: string }[] };

const LONGEST_REASON = 200;
const SCOPES: ReadonlySet<string> = new Set(['', 'ip', 'range']);

/**
 * Reads a file of bans: one address or range a line; CSV with a header, as CrowdSec writes and reads it, or
 * `address,duration,reason`; CrowdSec's decisions in JSON. Other scopes, such as countries, are refused one by one.
 */
export function readImport(text: string): Imported {
  const trimmed = text.trimStart();
  if (trimmed.startsWith('[') || trimmed.startsWith('{')) return readJson(text);
  const lines = text.split(/\r?\n/);
  const first = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('#'));
  const columns = splitCsv(lines[first] ?? '').map((name) => name.trim().toLowerCase());
  const isHeader = columns.some((name) =>
    ['value', 'ip', 'address', 'duration', 'expiration'].includes(name),
  );
  return readLines(lines, isHeader ? first : -1, isHeader ? columns : ['address', 'duration', 'reason']);
}

function readLines(lines: readonly string[], header: number, columns: readonly string[]): Imported {
  const found: Imported = { bans: [], refused: [] };
  for (const [index, line] of lines.entries()) {
    if (index <= header || line.trim() === '' || line.startsWith('#')) continue;
    const cells = splitCsv(line);
    const cell = (...names: string[]): string | undefined => {
      const at = columns.findIndex((name) => names.includes(name));
      return at < 0 ? undefined : cells[at]?.trim();
    };
    // CrowdSec writes "Ip:203.0.113.9" in its list, and scope and value apart in what it imports.
    const [, scope, value] =
      /^(?:(ip|range|as|country):)?(.*)$/i.exec(cell('value', 'ip', 'address') ?? '') ?? [];
    take(found, index + 1, {
      value,
      scope: scope ?? cell('scope'),
      duration: cell('duration', 'expiration'),
      reason: cell('reason'),
      type: cell('type', 'action'),
      simulated: cell('simulated'),
    });
  }
  return found;
}

type Raw = {
  value: unknown;
  scope?: unknown;
  duration?: unknown;
  reason?: unknown;
  type?: unknown;
  simulated?: unknown;
};

function readJson(text: string): Imported {
  const found: Imported = { bans: [], refused: [] };
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return { bans: [], refused: [{ line: 1, why: `it is not JSON: ${(error as Error).message}` }] };
  }
  const items = Array.isArray(document) ? document : [document];
  // `cscli decisions list -o json` lists alerts, each with its decisions.
  const decisions = items.flatMap((item: unknown) => {
    const inner = (item as { decisions?: unknown } | null)?.decisions;
    return Array.isArray(inner) ? (inner as unknown[]) : [item];
  });
  for (const [index, decision] of decisions.entries()) {
    const { value, ip, scope, duration, scenario, reason, type, simulated } = (decision ?? {}) as Record<
      string,
      unknown
    >;
    take(found, index + 1, {
      value: value ?? ip,
      scope,
      duration,
      reason: reason ?? scenario,
      type,
      simulated,
    });
  }
  return found;
}

function take(found: Imported, line: number, raw: Raw): void {
  const { value, scope, duration, reason } = raw;
  const other = noBan(raw);
  if (other !== undefined) {
    found.refused.push({ line, why: other });
    return;
  }
  if (typeof scope === 'string' && !SCOPES.has(scope.toLowerCase())) {
    found.refused.push({ line, why: `the scope ${scope} is neither an address nor a range` });
    return;
  }
  const ip = parseTarget(typeof value === 'string' ? value : '');
  if (!ip.ok) {
    found.refused.push({ line, why: ip.fault });
    return;
  }
  const seconds = typeof duration === 'string' && duration !== '' ? readSpan(duration) : undefined;
  if (seconds === null) {
    found.refused.push({ line, why: `${JSON.stringify(duration)} is not a duration` });
    return;
  }
  const text = typeof reason === 'string' ? printable(reason) : '';
  found.bans.push({
    ip: ip.value,
    ...(seconds === undefined ? {} : { seconds }),
    ...(text === '' ? {} : { reason: text }),
  });
}

/** CrowdSec also decides on captchas, and tries out what it would do. */
function noBan({ type, simulated }: Raw): string | undefined {
  if (simulated === true || (typeof simulated === 'string' && simulated.toLowerCase() === 'true'))
    return 'it is simulated, not a ban';
  const isBan = typeof type !== 'string' || type === '' || type.toLowerCase() === 'ban';
  return isBan ? undefined : `it asks for ${JSON.stringify(type)}, not for a ban`;
}

/** Our own durations, and Go's as CrowdSec writes them: "3h59m49.6s". Null where it is neither, or over. */
function readSpan(text: string): number | null {
  const own = parseDuration(text);
  if (own.ok) return own.value;
  const [whole, hours = 0, minutes = 0, seconds = 0] =
    /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)(?:\.\d+)?s)?$/.exec(text) ?? [];
  if (whole === undefined || whole === '') return null;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** The cells of a CSV line; quotes as in RFC 4180, within one line. */
function splitCsv(line: string): string[] {
  const cells: string[] = [];
  for (const match of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    cells.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  }
  return cells;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_REASON);
}
