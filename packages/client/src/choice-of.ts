import type { HostName } from '@banshare/protocol';
import type { ClientConfig } from '@banshare/runtime';
import type { Choice } from './choose.ts';
import type { Protection } from './protect.ts';
import type { State } from './state.ts';

/** What this host takes over, by its configuration and by what stands in its state. */
export function choiceOf(
  config: ClientConfig,
  state: State,
  protection: Protection,
  ownName: HostName | undefined,
): Choice {
  return {
    ownName,
    ownReports: config.apply.ownReports,
    jails: config.follow.jails,
    progs: config.follow.progs,
    localJails: config.apply.jails,
    ruleFor: (ip, localJail) => protection.ruleFor(ip, localJail),
    isPaused: state.pausedAt() !== undefined,
  };
}
