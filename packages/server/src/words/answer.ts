import { encodeReply, type Fields, type Reply } from '@banshare/protocol';
import type { Recorded } from './submission.ts';

/** An answer on its way: the two frames' content without id and time. */
export type Answer = Omit<Reply, 'id' | 'now' | 'fields'> & { fields?: Fields };

/** Says no, with a reason that an administrator understands. */
export function refuse(code: string, reason: string): Answer {
  return { status: 'REFUSED', verdict: 'refused', code, reason };
}

/** Says: not now; the sender keeps it and comes again. */
export function retry(code: string, reason: string, after?: number): Answer {
  return { status: 'RETRY', verdict: 'retry', code, reason, ...(after === undefined ? {} : { after }) };
}

/** Only a person makes room for what would be held. */
const HELD_AFTER = 60;

/** The answer to what the ledger recorded. */
export function answerOf(recorded: Recorded, epoch: string): Answer {
  const { verdict, code, reason, seq } = recorded;
  if (verdict === 'retry') return retry(code ?? 'limit', reason ?? 'later', HELD_AFTER);
  if (verdict === 'refused') return refuse(code ?? 'refused', reason ?? 'refused');
  return {
    status: 'OK',
    verdict,
    epoch,
    ...(seq === undefined ? {} : { seq }),
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** The frames of an answer; now is epoch seconds. */
export function framesOf(answer: Answer, id: string, now: number): [string, string] {
  return encodeReply({ ...answer, id, now });
}
