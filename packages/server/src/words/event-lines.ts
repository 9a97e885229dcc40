import { OPERATOR_HOST, originOf, type Event } from '@banshare/protocol';

/** What one line of the log says. */
type Said = { text: string; fields: Record<string, string | number> };

/** So many events of one deed at once each have a line of their own. */
const MOST_LINES = 100;

/**
 * What the log says of events that were committed together: a line each, but of a list that is imported, or of many bans that an
 * operator lifts at once, one for all. journald takes 10,000 lines in half a minute of a unit, and drops the rest, warnings too.
 */
export function linesOf(events: readonly Event[]): Said[] {
  const imported = events.filter((event) => event.kind === 'ban' && originOf(event) === 'import');
  const lifted = events.filter(({ kind, host }) => kind === 'unban' && host === OPERATOR_HOST);
  const many = [imported, lifted].filter(({ length }) => length > MOST_LINES);
  if (many.length === 0) return events.map(lineOf);
  const summed = new Set(many.flat());
  return [...many.map(lineOfAll), ...events.filter((event) => !summed.has(event)).map(lineOf)];
}

function lineOf({ kind, ip, prog, jail, host, seq }: Event): Said {
  return { text: kind, fields: { ip, prog, jail, host, seq } };
}

function lineOfAll(events: readonly Event[]): Said {
  const [first] = events;
  const by = first?.kind === 'ban' ? 'import' : 'operator';
  const seq = `${first?.seq ?? 0}-${events.at(-1)?.seq ?? 0}`;
  return { text: first?.kind ?? '', fields: { count: events.length, by, seq } };
}
