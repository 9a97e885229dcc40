import { join } from 'node:path';
import type { ClientConfig } from '@banshare/runtime';
import type { EnforcerHost } from './build.ts';
import type { Enforcer } from '../enforcers/enforcer.ts';
import { withLocalBans } from './local-bans.ts';
import { enforcersOf, holdersOf, PSAD } from './noted-enforcers.ts';
import { psadEnforcer, SCRIPT_JAIL } from '../enforcers/psad/psad.ts';
import { asOne, type Part } from './several.ts';
import type { Notes } from '../host/echo-notes.ts';

/** All enforcers as one, which reaches what this host's own fail2ban and psad found where an operator lifts it. */
export function hostEnforcer(parts: readonly Part[], config: ClientConfig, host: EnforcerHost): Enforcer {
  const timeoutMs = config.apply.timeoutSeconds * 1000;
  const enforcers = enforcersOf(config);
  const whole = withLocalBans(asOne(parts), {
    fail2banSocket: host.paths.fail2banSocket,
    timeoutMs,
    logFile: enforcers.some(({ kind }) => kind === 'log')
      ? join(host.paths.root, config.apply.logFile)
      : undefined,
    psad: psadEnforcer(host.paths, host.notes, timeoutMs),
    isPsadAsked: (change) => enforcers.some((noted) => holdersOf(noted, change).includes(PSAD)),
  });
  const own = whole.carryOut.bind(whole);
  const carryOut = endingNotes((changes) => own(changes), host.notes);
  return Object.assign(whole, { carryOut });
}

type CarryOut = Enforcer['carryOut'];

/** psad hears one connection in each of its intervals, of 5 s, and only then calls the script that reports. */
const PSAD_REPORTS_WITHIN_SECONDS = 30;

/** Ends the notes of what was lifted: from then on a ban of that address is this host's own detection, and is reported. */
function endingNotes(carryOut: CarryOut, notes: Pick<Notes, 'end' | 'remove'>): CarryOut {
  return async (changes) => {
    const effects = await carryOut(changes);
    for (const [index, effect] of effects.entries()) {
      const change = changes[index];
      if (change?.kind !== 'unban' || effect.outcome === 'failed') continue;
      const jails = [effect.localJail, change.localJail, change.jail];
      const scripts = change.prog === 'psad' ? [SCRIPT_JAIL] : [];
      for (const jail of new Set([...jails, ...scripts])) {
        if (change.prog === 'psad') notes.end(jail, change.ip, PSAD_REPORTS_WITHIN_SECONDS);
        else notes.remove(jail, change.ip);
      }
    }
    return effects;
  };
}
