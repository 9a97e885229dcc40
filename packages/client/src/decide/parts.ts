import type { BanRow } from '../bans/ban-row.ts';
import type { State } from '../bans/state.ts';
import type { Choice } from '../bans/choice.ts';
import type { Event, HostName } from '@banshare/protocol';
import type { ClientConfig } from '@banshare/runtime';
import type { Protection } from '../protection/protect.ts';

/** What deciding about bans needs; now is epoch seconds by the server's clock. */
export type DecideParts = {
  state: State;
  choice: Choice;
  now: () => number;
  queue: (row: BanRow) => void;
  /** Whether a command for this address runs. */
  isUnderWay: (ip: string) => boolean;
  /** Hears which published ban is left out here, and why. */
  skipped: (ban: Pick<Event, 'ip' | 'jail' | 'prog' | 'host'>, reason: string) => void;
  /** How many bans this host has in place at most. */
  maxActive?: number;
  /** There while bans are passed on to other enforcers: what is queued before could be asked of one that does not hold it. */
  handingOver?: Promise<void>;
};

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
