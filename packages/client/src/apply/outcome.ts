import { OPERATOR } from '@banshare/protocol';
import type { BanRow } from '../bans/ban-row.ts';
import type { State } from '../bans/state.ts';
import { sayReason } from '../bans/reason.ts';
import { type Effect, reasonOf } from '../bans/change.ts';

/** An ack has room for some dozens of outcomes: reasons are kept short. */
const LONGEST_REASON = 80;

/**
 * Keeps what became of a row for the server, unless it was simply carried out: its position says that.
 * @returns whether the server should hear of it at once.
 */
export function tellEffect(state: State, row: BanRow, effect: Effect): boolean {
  if (row.status === 'lifting' && row.keptBack.code !== '' && effect.outcome !== 'failed') {
    state.tell({
      seq: row.seq,
      outcome: 'skipped',
      reason: sayReason(row.keptBack).slice(0, LONGEST_REASON),
    });
    return true;
  }
  const why = reasonOf(effect);
  const isPlain =
    effect.outcome === 'applied' && row.attempts === 0 && row.keptBack.code === '' && why === '';
  if (!isPlain) {
    // An operator who lifts what is not there any more has what he wants, and is not told of a ban that ended before its time.
    const outcome = effect.outcome === 'released' && row.isForced ? 'already' : effect.outcome;
    const reason = why === '' ? {} : { reason: why.slice(0, LONGEST_REASON) };
    state.tell({ seq: row.seq, outcome, ...reason });
  }
  return (
    effect.outcome === 'failed' || effect.outcome === 'unproven' || row.prog === OPERATOR || row.isForced
  );
}
