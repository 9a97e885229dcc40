import { oneLine, parseTarget, type Target } from '@banshare/protocol';
import { readLines, readSpan, type Entry } from './import-lines.ts';

/**
 * A ban to import. Without `seconds` it lasts as long as the server's default, from now or from `since` (epoch seconds).
 * `foundIn` is the jail of fail2ban in which the host had it.
 */
export type ImportedBan = { ip: Target; seconds?: number; since?: number; reason?: string; foundIn?: string };

/** What a file held; what of it could not be used, with the reason; and what was left out on purpose, in words. */
export type Imported = {
  bans: ImportedBan[];
  refused: { line: number; why: string }[];
  leftOut?: string[];
};

const LONGEST_REASON = 200;
const SCOPES: ReadonlySet<string> = new Set(['', 'ip', 'range']);

/**
 * Reads a list of bans: lines and CSV as readLines() says, CrowdSec's decisions in JSON, one document or one a line. Other
 * scopes, such as countries, are refused one by one.
 */
export function readImport(text: string): Imported {
  const whole = text.replace(/^\uFEFF/, '');
  const trimmed = whole.trim();
  // What `cscli decisions list -o json` prints where there are none.
  if (trimmed === 'null') return { bans: [], refused: [] };
  if (trimmed.startsWith('[') || trimmed.startsWith('{')) return readJson(trimmed);
  const found: Imported = { bans: [], refused: [] };
  for (const line of readLines(whole)) {
    if ('fault' in line) found.refused.push({ line: line.line, why: line.fault });
    else take(found, line.line, line.entry);
  }
  return found;
}

function readJson(text: string): Imported {
  const found: Imported = { bans: [], refused: [] };
  const documents = parseDocuments(text);
  if ('fault' in documents) return { bans: [], refused: [{ line: 1, why: documents.fault }] };
  // `cscli decisions list -o json` lists alerts, each with its decisions.
  const decisions = documents.items.flatMap((item: unknown) => {
    const { decisions: inner, data, type } = (item ?? {}) as Record<string, unknown>;
    // AbuseIPDB's list is one document with `data`; Spamhaus' has an address a line, and a last one about itself.
    const many = inner ?? data;
    if (Array.isArray(many)) return many as unknown[];
    return type === 'metadata' ? [] : [item];
  });
  for (const [index, decision] of decisions.entries()) {
    const raw = (decision ?? {}) as Record<string, unknown>;
    const { scope, duration, scenario, reason, type, simulated } = raw;
    const value = raw['value'] ?? raw['ip'] ?? raw['ipAddress'] ?? raw['cidr'];
    take(found, index + 1, { value, scope, duration, reason: reason ?? scenario, type, simulated });
  }
  return found;
}

function parseDocuments(text: string): { items: unknown[] } | { fault: string } {
  try {
    const document: unknown = JSON.parse(text);
    return { items: Array.isArray(document) ? (document as unknown[]) : [document] };
  } catch (error) {
    const fault = `it is not JSON: ${oneLine((error as Error).message)}`;
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) return { fault };
    try {
      return { items: lines.map((line) => JSON.parse(line) as unknown) };
    } catch {
      return { fault };
    }
  }
}

function take(found: Imported, line: number, raw: Entry): void {
  const ban = readEntry(raw);
  if ('fault' in ban) found.refused.push({ line, why: ban.fault });
  else found.bans.push(ban);
}

function readEntry(raw: Entry): ImportedBan | { fault: string } {
  const { value, scope, duration, reason } = raw;
  const other = noBan(raw);
  if (other !== undefined) return { fault: other };
  if (typeof scope === 'string' && !SCOPES.has(scope.toLowerCase())) {
    return { fault: `the scope ${oneLine(scope)} is neither an address nor a range` };
  }
  const ip = parseTarget(typeof value === 'string' ? value : '');
  if (!ip.ok) return { fault: ip.fault };
  const span = isGiven(duration) ? readSpan(duration) : undefined;
  if (span !== undefined && 'fault' in span) return span;
  const text = typeof reason === 'string' ? printable(reason) : '';
  return { ip: ip.value, ...span, ...(text === '' ? {} : { reason: text }) };
}

function isGiven(duration: unknown): boolean {
  return duration !== undefined && duration !== null && duration !== '';
}

/** CrowdSec also decides on captchas, and tries out what it would do. */
function noBan({ type, simulated }: Entry): string | undefined {
  if (simulated === true || (typeof simulated === 'string' && simulated.toLowerCase() === 'true'))
    return 'it is simulated, not a ban';
  const isBan = typeof type !== 'string' || type === '' || type.toLowerCase() === 'ban';
  return isBan ? undefined : `it asks for ${JSON.stringify(type)}, not for a ban`;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_REASON);
}
