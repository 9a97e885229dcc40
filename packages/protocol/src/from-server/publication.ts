import { parseOrigin, type Event, type Position } from '../words/ban.ts';
import { LARGEST_SEQ, LATEST_SECONDS } from '../words/bounds.ts';
import { encodeJson, FieldReader, parseFields, type Fields } from '../words/json.ts';
import { readDetails } from '../words/details.ts';
import { parseHostName, parseJail, parseProg } from '../words/names.ts';
import { parseAddress } from '../words/address.ts';
import { isRange, parseTarget, type Range, type Target } from '../words/range.ts';
import { bad, good, quote, type Result } from '../words/result.ts';

/** How often a server gives a sign of life. */
export const HEARTBEAT_MS = 1000;

/**
 * The server's sign of life: the last event it sent on this socket, and its clock in epoch seconds. A stale one can commit nothing at
 * the moment, since its database is away: a host that has other servers looks for one that is not.
 */
export type Heartbeat = Position & { now: number; stale?: true };

/** An event of a kind that this version does not know keeps its position, and is acknowledged as skipped. */
export type UnknownEvent = Position & { kind: 'unknown' };

export type Publication =
  { kind: 'events'; events: readonly (Event | UnknownEvent)[] } | { kind: 'heartbeat'; heartbeat: Heartbeat };

const MOST_EVENTS = 10_000;
/** An IPv6 address with its last part in decimal, and a prefix. */
const LONGEST_TARGET = 49;

/**
 * What an event is called on the wire. A range is a kind of its own: who does not know it keeps its position and skips it, and no
 * reader takes it for one address.
 */
const WIRE_KINDS = {
  ban: { kind: 'ban', isOfRange: false },
  unban: { kind: 'unban', isOfRange: false },
  'ban-range': { kind: 'ban', isOfRange: true },
  'unban-range': { kind: 'unban', isOfRange: true },
} as const;

/** The subject of an event: prog;jail;ip;host as the original has it, or the words of an unban or a range. */
export function eventSubject(event: Event): string {
  const kind = wireKind(event);
  if (kind !== 'ban') return `${kind} ${event.prog} ${event.jail} ${event.ip}`;
  return `${event.prog};${event.jail};${event.ip};${event.host}`;
}

/** The frames that carry events: one in a message of its own, several as a batch. */
export function encodeEvents(events: readonly Event[]): [subject: string, body: string] {
  const [first] = events;
  if (first !== undefined && events.length === 1)
    return [eventSubject(first), encodeJson(eventFields(first))];
  return ['batch', encodeJson(events.map(eventFields))];
}

export function encodeHeartbeat({
  epoch,
  seq,
  tail,
  now,
  stale,
}: Heartbeat): [subject: string, body: string] {
  return ['heartbeat', encodeJson({ v: 1, epoch, head: seq, tail, now, stale })];
}

/** An event as the wire and sync carry it. */
export function eventFields(event: Event | UnknownEvent): Fields {
  return { v: 1, ...event, kind: event.kind === 'unknown' ? event.kind : wireKind(event) };
}

/** Reads what a subscriber received; the subject only routes, what counts is in the body. */
export function parsePublication(subject: string, body: string): Result<Publication> {
  if (subject === 'batch') return parseBatch(body);
  const fields = parseFields(body);
  if (!fields.ok) return fields;
  if (subject === 'heartbeat') return parseHeartbeat(fields.value);
  const event = parseEvent(fields.value);
  return event.ok ? good({ kind: 'events', events: [event.value] }) : event;
}

/** Reads one event; every field is checked again here, whoever sent it. */
export function parseEvent(fields: Fields): Result<Event | UnknownEvent> {
  const read = new FieldReader(fields);
  const position = readPosition(read, 'seq');
  const kind = read.has('kind') ? read.text('kind', 32) : 'ban';
  if (read.fault !== undefined) return bad(read.fault);
  // Of another version only the position in the ledger is certain.
  const known =
    fields['v'] === 1 && Object.hasOwn(WIRE_KINDS, kind) ? WIRE_KINDS[kind as WireKind] : undefined;
  if (known === undefined) return good({ ...position, kind: 'unknown' });
  const event: Event = {
    ...position,
    kind: known.kind,
    at: read.number('at', 0, LATEST_SECONDS),
    until: fields['until'] === null ? null : read.integer('until', 0, LATEST_SECONDS),
    ip: read.parsed<Target>('ip', LONGEST_TARGET, known.isOfRange ? parseWideRange : parseAddress),
    prog: read.parsed('prog', 64, parseProg),
    jail: read.parsed('jail', 64, parseJail),
    host: read.parsed('host', 255, parseHostName),
  };
  Object.assign(event, readDetails(read));
  const reason = read.described('reason', (own) => own.text('reason', 1000));
  if (reason !== undefined) event.reason = reason;
  if (fields['everyJail'] === true) event.everyJail = true;
  // What a later version says here must not stop a ban.
  const by = parseOrigin(fields['by']);
  if (by !== undefined) event.by = by;
  return read.fault === undefined ? good(event) : bad(read.fault);
}

type WireKind = keyof typeof WIRE_KINDS;

function wireKind({ kind, ip }: Event): WireKind {
  return isRange(ip) ? `${kind}-range` : kind;
}

function parseWideRange(text: string): Result<Range> {
  const target = parseTarget(text);
  if (!target.ok) return target;
  return isRange(target.value) ? good(target.value) : bad(`${quote(text)} is one address, not a range`);
}

function parseBatch(body: string): Result<Publication> {
  let list: unknown;
  try {
    list = JSON.parse(body);
  } catch {
    return bad('the batch is not JSON');
  }
  if (!Array.isArray(list) || list.length > MOST_EVENTS) return bad('the batch is not a list of events');
  return parseEventList(list);
}

/** Reads a list of events as a batch or an answer to sync carries it; one bad event spoils the list. */
export function parseEventList(list: readonly unknown[]): Result<Publication & { kind: 'events' }> {
  const events: (Event | UnknownEvent)[] = [];
  for (const item of list) {
    if (typeof item !== 'object' || item === null)
      return bad(`the batch holds ${quote(String(item))}, not an event`);
    const event = parseEvent(item as Fields);
    if (!event.ok) return event;
    events.push(event.value);
  }
  return good({ kind: 'events', events });
}

function parseHeartbeat(fields: Fields): Result<Publication> {
  const read = new FieldReader(fields);
  read.version();
  const heartbeat: Heartbeat = {
    ...readPosition(read, 'head'),
    now: read.number('now', 0, LATEST_SECONDS),
  };
  if (fields['stale'] === true) heartbeat.stale = true;
  return read.fault === undefined ? good({ kind: 'heartbeat', heartbeat }) : bad(read.fault);
}

function readPosition(read: FieldReader, seqName: string): Position {
  return {
    epoch: read.token('epoch', 64),
    seq: read.integer(seqName, 0, LARGEST_SEQ),
    tail: read.hex('tail', 16),
  };
}
