import { failpoint, type FaultLog, type Log, type SteadyClock } from '@banshare/runtime';
import type { RateWatch } from './judging/rate-watch.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { LatencyBook } from './metrics/latency.ts';
import type { Tally } from './metrics/tally.ts';
import type { Distributor } from './publish/distribute.ts';
import { linesOf } from './words/event-lines.ts';

/** Events leave by one way only, whoever caused them: behind the commit, and behind what its cause is told. */
export function publishWhatIsCommitted(
  parts: {
    ledger: Ledger;
    log: Log;
    faults: FaultLog;
    clock: SteadyClock;
    tally: Tally;
    latency: LatencyBook;
  },
  distributor: Distributor,
  rates: RateWatch,
): void {
  const { ledger, log, faults, clock, tally, latency } = parts;
  ledger.onCommitted((events) => {
    failpoint('before-publish');
    latency.committed(events, clock.now());
    distributor.distribute(events);
    latency.published(events, clock.now());
    tally.committed(events);
    log.notices(linesOf(events));
    try {
      rates.published(events, clock.now());
    } catch (error) {
      faults.fault('the rate of bans', 'Cannot count new bans', { error: (error as Error).message });
    }
  });
  // What was committed elsewhere while the publish port opened was not published: heartbeats must name it all the same.
  distributor.announce();
}
