import { monotonicSeconds, type FaultLog, type Resources } from '@banshare/runtime';
import type { State } from './bans/state.ts';
import type { Bell } from './follow/acknowledge.ts';
import type { Progress } from './follow/progress.ts';
import { wait } from './host/wait.ts';
import type { Part } from './host-enforcer/several.ts';
import type { ServerClock } from './server/server-clock.ts';
import { DropWatch } from './worth/watch.ts';

/** What counts what these enforcers drop. */
export function dropWatchOf(host: {
  enforcers: readonly Part[];
  state: State;
  clock: ServerClock;
  progress: Progress;
  bell: Bell;
  faults: FaultLog;
}): DropWatch {
  return new DropWatch({
    enforcers: host.enforcers.map(({ enforcer }) => enforcer),
    state: host.state,
    now: () => host.clock.now(),
    monotonic: monotonicSeconds,
    ownName: () => host.progress.name,
    read: () => host.bell.ring(),
    fault: (key, text) => host.faults.fault(key, text),
  });
}

/** Reads until the signal. */
export function startCounting(watch: DropWatch, resources: Resources, signal: AbortSignal): void {
  const rest = async (seconds: number): Promise<boolean> => {
    await wait(seconds * 1000, signal);
    return !signal.aborted;
  };
  const counting = watch.run(rest);
  resources.own('counting what is dropped', () => counting);
}
