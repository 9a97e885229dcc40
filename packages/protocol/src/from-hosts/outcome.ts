import { LARGEST_SEQ } from '../words/bounds.ts';
import type { Fields } from '../words/json.ts';
import { oneLine } from '../words/result.ts';

/**
 * What became of an event on one host. `applied`: the command ran; `already`: it was in place before; `released`: the
 * host's own fail2ban or a person ended it; `skipped` and `failed` say why; `unproven`: the command ran, and whether the
 * firewall has it cannot be seen.
 */
export type OutcomeKind = 'applied' | 'already' | 'released' | 'skipped' | 'failed' | 'unproven';
export type Outcome = { seq: number; outcome: OutcomeKind; reason?: string };

const KINDS: ReadonlySet<unknown> = new Set<OutcomeKind>([
  'applied',
  'already',
  'released',
  'skipped',
  'failed',
  'unproven',
]);

/** Reads one entry of an ack's outcomes; one that cannot be read gives none, since the position counts without it. */
export function parseOutcome(value: unknown): Outcome[] {
  if (typeof value !== 'object' || value === null) return [];
  const { seq, outcome: word, reason, unproven } = value as Record<string, unknown>;
  const outcome = word === 'failed' && unproven === true ? 'unproven' : word;
  if (
    typeof seq !== 'number' ||
    !Number.isInteger(seq) ||
    seq < 0 ||
    seq > LARGEST_SEQ ||
    !KINDS.has(outcome)
  )
    return [];
  const read = { seq, outcome: outcome as OutcomeKind };
  return [
    typeof reason === 'string' ? { ...read, reason: oneLine(reason.slice(0, 200)).slice(0, 200) } : read,
  ];
}

/**
 * An outcome as it goes over the wire. A server that does not know `unproven` would go by the position and call the ban applied, and
 * so it hears of a failure.
 */
export function outcomeFields(outcome: Outcome): Fields {
  return outcome.outcome === 'unproven' ? { ...outcome, outcome: 'failed', unproven: true } : { ...outcome };
}
