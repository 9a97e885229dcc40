import { wallSeconds, type ClientConfig, type FaultLog, type Log, type Resources } from '@banshare/runtime';
import type { Applier } from './apply/apply.ts';
import { covers, type Part } from './host-enforcer/several.ts';
import type { Notes } from './host/echo-notes.ts';
import type { Progress } from './follow/progress.ts';
import { Reconciler } from './apply/reconcile.ts';
import type { ServerClock } from './server/server-clock.ts';
import type { State } from './bans/state.ts';
import type { Bell } from './follow/acknowledge.ts';

/** Keeps what each enforcer has as it should be, with a reconciler each. */
export function startReconcilers(
  enforcers: readonly Part[],
  host: ReconcilerHost,
  config: ClientConfig,
  resources: Resources,
): Reconciler[] {
  const reconcilers = enforcers.map((part) => reconcilerOf(part, host));
  for (const each of reconcilers) resources.own('comparing bans', each.start(config.apply.reconcileSeconds));
  return reconcilers;
}

type ReconcilerHost = {
  state: State;
  applier: Applier;
  log: Log;
  faults: FaultLog;
  clock: ServerClock;
  progress: Progress;
  bell: Bell;
  notes: Pick<Notes, 'remove'>;
};

function reconcilerOf({ enforcer, ...bans }: Part, host: ReconcilerHost): Reconciler {
  return new Reconciler({
    ...host,
    enforcer,
    covers: (ban) => covers(bans, ban),
    now: () => host.clock.now() ?? wallSeconds(),
    isInStep: () => host.progress.phase === 'in-step',
    tellNow: () => host.bell.ring(),
  });
}
