import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BanKey } from '@banshare/protocol';
import type { ClientConfig, HostPaths } from '@banshare/runtime';
import type { Applier } from '../apply/apply.ts';
import type { EnforcerHost } from '../host-enforcer/build.ts';
import {
  enforcerOf,
  isOfHost,
  outlastsItsProgram,
  enforcersOf,
  programOf,
} from '../host-enforcer/noted-enforcers.ts';
import { isProgram } from '../host/exec.ts';
import { handOver, type Before } from './hand-over.ts';
import { LiftRemains, type LiftRemainsParts } from './lift-remains.ts';
import { markBegun } from '../apply/expiry.ts';
import { localJailOf } from '../bans/choice.ts';
import type { DecideParts } from '../decide/parts.ts';

/**
 * Where client.toml asks for other enforcers than at the last start, passes this host's bans on to those; returns what lifts
 * what the earlier ones hold. To be awaited before anything is queued.
 * @param isWanted asked before each part of it: false ends it.
 */
export async function changeEnforcers(
  config: ClientConfig,
  host: EnforcerHost & { log: LiftRemainsParts['log'] },
  { state, choice, now }: DecideParts,
  applier: Applier,
  isWanted: () => boolean = () => true,
): Promise<LiftRemains> {
  await markBegun(state, host.notes, config.apply.missingJail, isWanted);
  const to = {
    state,
    enforcers: enforcersOf(config),
    choice,
    localJailOf: (ban: BanKey) => localJailOf(ban, config.apply.jails),
    boot: thisBoot(),
    now,
  };
  const areOthers = await handOver(to, isWanted);
  if (areOthers)
    host.log.notice('This host has other enforcers than before: its bans are passed on to them', {});
  const left = new LiftRemains({
    state,
    enforcerOf: (noted) => enforcerOf(noted, config, host),
    isGone: (holder, noted) => isGone(holder, noted, host.paths),
    idle: () => applier.idle(),
    queue: (row) => applier.queue(row),
    log: host.log,
    now,
  });
  applier.onSettled((row) => left.settled(row));
  return left;
}

/**
 * Whether an enforcer of before cannot hold anything any more: fail2ban that was removed, or sets of the kernel of an earlier
 * start of this machine, where the program is gone that could have brought them back.
 */
export function isGone(
  holder: string,
  { boot }: Pick<Before, 'boot'>,
  { root, fail2banSocket }: HostPaths,
  isThere = isProgram,
): boolean {
  if (outlastsItsProgram(holder))
    return !existsSync(join(root, 'etc/fail2ban')) && !existsSync(fail2banSocket);
  return isOfHost(holder) && boot !== undefined && boot !== thisBoot() && !isThere(programOf(holder));
}

/** Which start of the machine this is. */
export function thisBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
