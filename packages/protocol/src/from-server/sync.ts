import type { Event, Position } from '../words/ban.ts';
import { LARGEST_SEQ } from '../words/bounds.ts';
import { FieldReader, type Fields } from '../words/json.ts';
import { eventFields, parseEventList, type UnknownEvent } from './publication.ts';
import { bad, good, type Result } from '../words/result.ts';

/**
 * Why a server answers a position of its own epoch with a snapshot: it is `old`, the events after it are not kept any more; or
 * its `tail` is another, so that host and server have two histories and neither knows what the other lifted.
 */
export type SnapshotReason = 'old' | 'tail';

/**
 * The server's answer to sync. `events`: what came after the asked position. `snapshot`: a page of the active bans as of
 * one head; `next` is absent on the last page, `because` where the position was of another epoch, or the server is an older one.
 */
export type SyncAnswer =
  | { kind: 'events'; head: Position; events: readonly (Event | UnknownEvent)[] }
  | {
      kind: 'snapshot';
      head: Position;
      bans: readonly (Event | UnknownEvent)[];
      next?: string;
      because?: SnapshotReason;
    };

/** How many events or bans a host asks for at a time, and a server answers with at most: reports wait for each page. */
export const SYNC_PAGE = 1000;

/** The fields of an answer to sync; bans of a snapshot are their publishing events. */
export function syncFields(answer: SyncAnswer): Fields {
  const { epoch, seq, tail } = answer.head;
  const position = { epoch, head: seq, tail };
  if (answer.kind === 'events') return { ...position, events: answer.events.map(eventFields) };
  const next = answer.next === undefined ? {} : { next: answer.next };
  const because = answer.because === undefined ? {} : { because: answer.because };
  return { ...position, snapshot: seq, bans: answer.bans.map(eventFields), ...next, ...because };
}

export function parseSyncAnswer(fields: Fields): Result<SyncAnswer> {
  const read = new FieldReader(fields);
  const head = {
    epoch: read.token('epoch', 64),
    seq: read.integer('head', 0, LARGEST_SEQ),
    tail: read.hex('tail', 16),
  };
  const isSnapshot = read.has('snapshot');
  const list = parseEventList(read.list(isSnapshot ? 'bans' : 'events', 10_000));
  if (read.fault !== undefined) return bad(read.fault);
  if (!list.ok) return list;
  if (!isSnapshot) return good({ kind: 'events', head, events: list.value.events });
  const snapshot = read.integer('snapshot', 0, LARGEST_SEQ);
  if (snapshot !== head.seq) return bad(`the snapshot is of ${snapshot}, its head is ${head.seq}`);
  const next = read.has('next') ? { next: read.text('next', 255) } : {};
  const word = read.has('because') ? read.text('because', 32) : '';
  if (read.fault !== undefined) return bad(read.fault);
  // A word that is not known yet says as little as none.
  const because = word === 'old' || word === 'tail' ? ({ because: word } as const) : {};
  return good({ kind: 'snapshot', head, bans: list.value.events, ...next, ...because });
}
