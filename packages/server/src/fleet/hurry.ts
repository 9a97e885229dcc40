import type { FaultLog } from '@banshare/runtime';
import type { Ledger } from '../ledger/ledger.ts';
import { DRILL_PATIENCE_SECONDS, isOfDrill } from '../words/drill.ts';
import type { HostBook } from './hosts.ts';

/** What hosts say within so long is written together: each writing is an entry of the log. */
const GATHER_MS = 50;

/**
 * Writes at once what hosts of this server acknowledge of a drill of another one, which waits for them: else it would hear of them with the
 * next flush only.
 */
export function hurryDrills({
  ledger,
  book,
  faults,
  now,
}: {
  ledger: Pick<Ledger, 'follow'>;
  book: Pick<HostBook, 'onAcknowledged' | 'flush'>;
  faults: Pick<FaultLog, 'fault'>;
  now: () => number;
}): void {
  let [awaited, until] = [Infinity, 0];
  let timer: NodeJS.Timeout | undefined;
  ledger.follow({
    applied: ({ isForeign, events }) => {
      const drill = isForeign ? events.find(isOfDrill) : undefined;
      if (drill !== undefined) [awaited, until] = [drill.seq, now() + DRILL_PATIENCE_SECONDS];
    },
  });
  const write = (): void => {
    timer = undefined;
    book.flush().catch((error: unknown) => {
      faults.fault('drill', 'Cannot write what hosts say of a drill', { error: (error as Error).message });
    });
  };
  book.onAcknowledged(({ position }) => {
    if (position === null || position.applied < awaited || now() > until) return;
    timer ??= setTimeout(write, GATHER_MS).unref();
  });
}
