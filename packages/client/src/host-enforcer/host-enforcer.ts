import { join } from 'node:path';
import { endingNotes } from './end-notes.ts';
import type { ClientConfig } from '@banshare/runtime';
import type { EnforcerHost } from './build.ts';
import type { Enforcer } from '../enforcers/enforcer.ts';
import { withOwnBlocks } from './local-bans.ts';
import { placersOf, placesOf, PSAD } from './placement.ts';
import { psadEnforcer } from '../enforcers/psad/psad.ts';
import { together, type Part } from './several.ts';

/** All enforcers as one, which reaches what this host's own fail2ban and psad found where an operator lifts it. */
export function wholeEnforcer(parts: readonly Part[], config: ClientConfig, host: EnforcerHost): Enforcer {
  const timeoutMs = config.apply.timeoutSeconds * 1000;
  const placers = placersOf(config);
  const whole = withOwnBlocks(together(parts), {
    fail2banSocket: host.paths.fail2banSocket,
    timeoutMs,
    logFile: placers.some(({ kind }) => kind === 'log')
      ? join(host.paths.root, config.apply.logFile)
      : undefined,
    psad: psadEnforcer(host.paths, host.notes, timeoutMs),
    isPsadAsked: (change) => placers.some((placer) => placesOf(placer, change).includes(PSAD)),
  });
  const own = whole.carryOut.bind(whole);
  const carryOut = endingNotes((changes) => own(changes), host.notes);
  return Object.assign(whole, { carryOut });
}
