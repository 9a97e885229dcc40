import type { BanRow } from './ban-row.ts';
import type { Counted } from './tally.ts';

/** What of a row stays as long as its ban is not published anew, or moved to another jail: the first columns, in their order. */
export const FIXED = [
  'ip',
  'prog',
  'jail',
  'seq',
  'at',
  'host',
  'until',
  'port',
  'protocol',
  'localJail',
] as const;

export const STAYS = [...FIXED, 'origin', 'finder'] as const;

/** A row as a list of its columns. */
export function rowOf(row: unknown): BanRow {
  const [ip, prog, jail, seq, at, host, until, port, protocol, localJail, status, reason, ours, , ...rest] =
    row as never[];
  const [attempts, retryAt, forced, keptBack, origin, finder, reasonCode, keptCode] = rest;
  return {
    ip,
    prog,
    jail,
    seq,
    at,
    host,
    until,
    port,
    protocol,
    localJail,
    status,
    reason: { code: reasonCode, text: reason },
    isOurs: ours === 1,
    attempts,
    retryAt,
    isForced: forced !== 0,
    isEveryJail: forced === 2,
    keptBack: { code: keptCode, text: keptBack },
    origin,
    finder,
  } as unknown as BanRow;
}

/** What counts of a row, from its status, the code and text of its reason, the code of why it is kept back, and whether it is ours. */
export function countedOf([status, code, text, kept, ours]: readonly unknown[]): Counted {
  return {
    status,
    reason: { code, text },
    keptBack: { code: kept, text: '' },
    isOurs: ours === 1,
  } as Counted;
}
