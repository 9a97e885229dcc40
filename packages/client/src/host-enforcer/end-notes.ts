import type { Enforcer } from '../enforcers/enforcer.ts';
import { SCRIPT_JAIL } from '../enforcers/psad/psad.ts';
import type { Notes } from '../host/echo-notes.ts';

type CarryOut = Enforcer['carryOut'];

/** The same, after which what was lifted has no note: from then on a ban of that address is this host's own detection. */
export function endingNotes(carryOut: CarryOut, notes: Pick<Notes, 'remove'>): CarryOut {
  return async (changes) => {
    const effects = await carryOut(changes);
    for (const [index, effect] of effects.entries()) {
      const change = changes[index];
      if (change?.kind !== 'unban' || effect.outcome === 'failed') continue;
      const jails = [effect.localJail, change.localJail, change.jail];
      const scripts = change.prog === 'psad' ? [SCRIPT_JAIL] : [];
      for (const jail of new Set([...jails, ...scripts])) notes.remove(jail, change.ip);
    }
    return effects;
  };
}
