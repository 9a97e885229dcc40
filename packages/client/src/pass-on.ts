import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ClientConfig } from '@banshare/runtime';
import type { Applier } from './apply.ts';
import { localJailOf } from './choose.ts';
import type { EnforcerHost } from './enforcers/chosen.ts';
import { enforcerOf, outlastsItsProgram, placersOf } from './enforcers/placers.ts';
import { handOver } from './hand-over.ts';
import { LiftLeft, type LiftLeftParts } from './lift-left.ts';
import type { TakeParts } from './take.ts';
import { markBegun } from './ticking.ts';

/**
 * Where client.toml asks for other enforcers than at the last start, passes this host's bans on to those; returns what lifts
 * what the earlier ones hold. Called before anything is queued.
 */
export function passOn(
  config: ClientConfig,
  host: EnforcerHost & { log: LiftLeftParts['log'] },
  { state, choice, now }: TakeParts,
  applier: Applier,
): LiftLeft {
  markBegun(state, host.notes, config.apply.missingJail);
  const areOthers = handOver({
    state,
    placers: placersOf(config),
    choice,
    localJailOf: (ban) => localJailOf(ban, config.apply.jails),
    now,
  });
  if (areOthers)
    host.log.notice('This host has other enforcers than before: its bans are passed on to them', {});
  const left = new LiftLeft({
    state,
    enforcerOf: (placer) => enforcerOf(placer, config, host),
    isGone: (place) => outlastsItsProgram(place) && !existsSync(join(host.paths.root, 'etc/fail2ban')),
    idle: () => applier.idle(),
    queue: (row) => applier.queue(row),
    log: host.log,
    now,
  });
  applier.onSettled((row) => left.settled(row));
  return left;
}
