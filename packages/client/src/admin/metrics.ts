import type { Receipt } from '@banshare/protocol';
import { measureProgram, monotonicSeconds, wallSeconds, type HostPaths } from '@banshare/runtime';
import type { State } from '../bans/state.ts';
import type { DroppedHere } from '../follow/acknowledge.ts';
import type { Progress } from '../follow/progress.ts';
import type { ClientMeasures } from '../metrics/measures.ts';
import type { Tally } from '../metrics/tally.ts';
import type { ServerChoice } from '../server/server-choice.ts';
import { spoolStatus } from './status.ts';

/** Measures this host's client: of what it knows already, so that a scraper has no program run here. */
export function measure({
  state,
  progress,
  servers,
  receipt,
  dropped,
  protection,
  paths,
  tally,
  startedAt,
}: {
  state: State;
  progress: Progress;
  servers: Pick<ServerChoice, 'current'>;
  receipt: () => Receipt;
  dropped: Pick<DroppedHere, 'dropped'>;
  protection: { unknown: () => string[] };
  paths: Pick<HostPaths, 'spool'>;
  tally: Tally;
  startedAt: number;
}): ClientMeasures {
  const now = wallSeconds();
  const { wanted, placed, failed, full, unproven, comparedAgo } = receipt();
  const { heardAt } = progress;
  const counted = dropped.dropped();
  return {
    program: measureProgram(startedAt),
    isInStep: progress.phase === 'in-step',
    isPaused: state.pausedAt() !== undefined,
    isServerStale: progress.isStale,
    server: servers.current,
    lastContact: heardAt === undefined ? null : now - (monotonicSeconds() - heardAt),
    clockAheadSeconds: progress.clockAhead,
    position: state.position()?.seq ?? null,
    wanted,
    inPlace: placed,
    failed,
    full,
    unproven,
    unlifted: state.unlifted().count,
    lacking: state.lackingCount(),
    unprotected: protection.unknown().length,
    comparedSecondsAgo: comparedAgo ?? null,
    dropped: 'unknown' in counted ? null : { ipv4: counted.v4, ipv6: counted.v6 },
    spool: spoolStatus(paths.spool, now),
    outcomes: tally.outcomes,
    lifts: tally.lifts,
    appliedSeconds: tally.appliedSeconds,
  };
}
