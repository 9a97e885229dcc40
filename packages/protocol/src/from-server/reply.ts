import { LARGEST_SEQ, LATEST_SECONDS } from '../words/bounds.ts';
import { encodeJson, FieldReader, parseFields, type Fields } from '../words/json.ts';
import { bad, good, oneLine, quote, type Result } from '../words/result.ts';

export type Status = 'OK' | 'REFUSED' | 'RETRY';
export type VerdictWord = 'accepted' | 'duplicate' | 'counted' | 'held' | 'pending' | 'refused' | 'retry';

/** An answer to a request: `now` epoch seconds by the server's clock; other fields depend on the subject. */
export type Reply = {
  status: Status;
  id: string;
  now: number;
  verdict: VerdictWord;
  code?: string;
  reason?: string;
  /** Seconds to wait before trying again. */
  after?: number;
  epoch?: string;
  seq?: number;
  fields: Fields;
};

const STATUSES: ReadonlySet<string> = new Set<Status>(['OK', 'REFUSED', 'RETRY']);
const VERDICTS: ReadonlySet<string> = new Set<VerdictWord>([
  'accepted',
  'duplicate',
  'counted',
  'held',
  'pending',
  'refused',
  'retry',
]);

/** The two frames of an answer, as text. */
export function encodeReply(
  reply: Omit<Reply, 'fields'> & { fields?: Fields },
): [status: Status, body: string] {
  const { status, fields, ...rest } = reply;
  return [status, encodeJson({ v: 1, ...rest, ...fields })];
}

/** Reads an answer; fields that only one subject has stay unread in `fields`. */
export function parseReply(status: string, body: string): Result<Reply> {
  if (!STATUSES.has(status)) return bad(`the answer begins with ${quote(status)}, not OK, REFUSED or RETRY`);
  const fields = parseFields(body);
  if (!fields.ok) return fields;
  const read = new FieldReader(fields.value);
  read.version();
  const verdict = read.text('verdict', 16);
  const reply: Reply = {
    status: status as Status,
    id: read.text('id', 32),
    now: read.number('now', 0, LATEST_SECONDS),
    verdict: verdict as VerdictWord,
    fields: fields.value,
  };
  if (read.has('code')) reply.code = read.token('code', 64);
  if (read.has('reason')) reply.reason = oneLine(read.text('reason', 1000));
  if (read.has('after')) reply.after = read.number('after', 0, 86_400);
  if (read.has('epoch')) reply.epoch = read.token('epoch', 64);
  if (read.has('seq')) reply.seq = read.integer('seq', 0, LARGEST_SEQ);
  if (read.fault !== undefined) return bad(read.fault);
  if (!VERDICTS.has(verdict)) return bad(`unknown verdict ${quote(verdict)}`);
  return good(reply);
}
