import type { AckRequest } from '@banshare/protocol';
import type { SqliteLedger } from './store.ts';

/**
 * Keeps what a host tells of single events, and only of events that there are: else one host could fill the disk.
 * @throws when the ledger cannot be written.
 */
export function writeOutcomes(
  ledger: SqliteLedger,
  hostId: number,
  { epoch, outcomes }: AckRequest,
  now: number,
): void {
  const head = ledger.head();
  const real = epoch === head.epoch ? outcomes.filter(({ seq }) => seq > 0 && seq <= head.seq) : [];
  if (real.length === 0) return;
  ledger.write(() => {
    for (const { seq, outcome, reason } of real) {
      ledger
        .sql('INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?)')
        .run(seq, hostId, outcome, reason ?? null, now);
    }
  });
}
