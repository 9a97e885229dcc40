import { type ClientConfig, type Log, type Resources, wallSeconds } from '@banshare/runtime';
import { Applier } from './apply/apply.ts';
import { tellEffect } from './apply/outcome.ts';
import type { State } from './bans/state.ts';
import type { Enforcer } from './enforcers/enforcer.ts';
import type { Bell } from './follow/acknowledge.ts';
import type { Tally } from './metrics/tally.ts';
import type { ServerClock } from './server/server-clock.ts';
import type { BanTimes } from './worth/took.ts';

/** What carries out bans here, and tells of each what became of it; it begins nothing more once the resources are closed. */
export function startApplier(
  config: ClientConfig,
  host: {
    log: Log;
    state: State;
    enforcer: Enforcer;
    clock: ServerClock;
    bell: Bell;
    tally: Tally;
    times: BanTimes;
  },
  resources: Resources,
): Applier {
  const now = (): number | undefined => host.clock.now();
  const applier = new Applier({
    state: host.state,
    enforcer: host.enforcer,
    concurrency: config.apply.concurrency,
    log: host.log,
    now: () => now() ?? wallSeconds(),
    settled: (row, effect) => {
      host.tally.settled(row, effect, now);
      host.times.settled(row, effect);
      if (tellEffect(host.state, row, effect)) host.bell.ring();
    },
  });
  resources.own('running commands', () => applier.stop());
  return applier;
}
