import { oneLine } from '@banshare/protocol';
import { time } from './phrases.ts';

/**
 * What a line of `events` is about: a report that was accepted or known already, one that counts as a vote, one that is held or
 * refused; a host that takes its report back; a ban that was published or lifted; what a host says became of one; a deed of an
 * operator or of the server by itself.
 */
type HappeningKind =
  'report' | 'vote' | 'held' | 'refused' | 'take-back' | 'ban' | 'lifted' | 'outcome' | 'deed';

/** One thing that happened; `at` and `until` epoch seconds, `who` a host, an operator or null for the server, `says` the rest of it. */
export type Happening = {
  /** No other has it, and it stays the same. */
  id: string;
  at: number;
  kind: HappeningKind;
  ip: string | null;
  prog: string | null;
  jail: string | null;
  who: string | null;
  /** The number of the event that it is, led to, or is about. */
  seq: number | null;
  until: number | null;
  says: string;
};

/** What becomes of a report, by its verdict. */
const OF_VERDICT: Readonly<Record<string, HappeningKind>> = {
  counted: 'vote',
  held: 'held',
  refused: 'refused',
};

/** Whose deed an entry of the audit log is that no operator did. */
const BY_ITSELF: ReadonlySet<string> = new Set(['enrolled', 'rotated', 'rotation asked', 'brake']);
/** What stands in a column of its own, or says nothing to a person. */
const UNSAID: ReadonlySet<string> = new Set([
  'ip',
  'range',
  'seq',
  'until',
  'by',
  'way',
  'prog',
  'jail',
  'key',
  'curve',
]);

type Fields = Readonly<Record<string, string | number | null>>;

/** A report, or what takes one back, as its row has it. */
export function reported(row: Fields): Happening {
  const { verdict, reason, target, ip } = row;
  const seq = numberOf(row['seq']);
  const wider = target === null || target === ip ? '' : ` (a ban of ${text(target)})`;
  const why = reason === null || reason === '' ? '' : `: ${oneLine(text(reason))}`;
  const isUnban = row['kind'] === 'unban';
  return {
    ...common('report', row),
    kind: isUnban ? 'take-back' : (OF_VERDICT[text(verdict)] ?? 'report'),
    who: textOrNull(row['who']),
    seq,
    until: null,
    says: `${text(verdict)}${seq === null ? '' : ` as #${seq}`}${wider}${why}`,
  };
}

/** A ban that was published, or its end. */
export function published(row: Fields): Happening {
  const { reason } = JSON.parse(text(row['details'])) as { reason?: string };
  const seq = numberOf(row['n']);
  const why = reason === undefined ? '' : `: ${oneLine(reason)}`;
  return {
    ...common('event', row),
    kind: row['kind'] === 'ban' ? 'ban' : 'lifted',
    who: textOrNull(row['who']),
    seq,
    until: numberOf(row['until']),
    says: `#${seq}${row['kind'] === 'ban' ? endText(numberOf(row['until'])) : ''}${why}`,
  };
}

/** What a host says became of an event. */
export function cameOf(row: Fields): Happening {
  const why = row['reason'] === null ? '' : `: ${oneLine(text(row['reason']))}`;
  return {
    ...common('outcome', row),
    kind: 'outcome',
    who: textOrNull(row['who']),
    seq: numberOf(row['seq']),
    until: null,
    says: `#${row['seq']} ${text(row['outcome'])}${why}`,
  };
}

/** An entry of the audit log. */
export function deed(row: Fields): Happening {
  const details = JSON.parse(text(row['details'])) as Readonly<Record<string, unknown>>;
  const what = text(row['what']);
  const { ip, range, by, seq, until, jail, prog } = details;
  const said = Object.entries(details)
    .filter(([name, value]) => !UNSAID.has(name) && value !== undefined && value !== null)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const end = typeof until === 'number' || (what === 'ban' && until === null) ? endText(until) : '';
  return {
    ...common('audit', { ...row, ip: null, prog: null, jail: null }),
    kind: 'deed',
    ip: stringOrNull(ip) ?? stringOrNull(range),
    prog: stringOrNull(prog),
    jail: stringOrNull(jail),
    who: stringOrNull(by) ?? (BY_ITSELF.has(what) ? null : 'operator'),
    seq: typeof seq === 'number' ? seq : null,
    until: typeof until === 'number' ? until : null,
    says: oneLine(
      `${what === 'brake' ? 'limit' : what}${end}${said.length === 0 ? '' : `: ${said.join(', ')}`}`,
    ),
  };
}

/** Which hosts something is of: a deed may name several. */
export function hostsOf({ kind, who }: Happening, row: Fields): string[] {
  const named = who === null ? [] : [who];
  if (kind !== 'deed') return named;
  const { name, hosts, host, hits } = JSON.parse(text(row['details'])) as Readonly<Record<string, unknown>>;
  return [...named, ...[name, host, hosts, hits].flat().filter((one) => typeof one === 'string')];
}

function common(source: string, row: Fields): Pick<Happening, 'id' | 'at' | 'ip' | 'prog' | 'jail'> {
  return {
    id: `${source}/${row['n']}`,
    at: Number(row['at']),
    ip: textOrNull(row['ip']),
    prog: textOrNull(row['prog']),
    jail: textOrNull(row['jail']),
  };
}

function endText(until: number | null): string {
  return until === null ? ' for ever' : ` until ${time(until)}`;
}

function text(value: string | number | null | undefined): string {
  return String(value ?? '');
}

function textOrNull(value: string | number | null | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOf(value: string | number | null | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
