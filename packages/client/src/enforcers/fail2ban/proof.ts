import {
  actionsOf,
  areBanned,
  change,
  logTargetOf,
  succeeds,
  tellingOf,
  wordsOfAction,
} from '../../fail2ban/requests.ts';
import type { Talk } from '../../fail2ban/connection.ts';
import type { Asking } from './firewall-proof.ts';
import type { Effect } from '../../bans/change.ts';

/** What every action of fail2ban can do that is no program in Python. */
const RUNS = 'executeCmd';

/** Asks over one connection to fail2ban's socket. */
export function askingOver(talk: Talk): Asking {
  return {
    actions: async (jail) => {
      const actions: string[] = [];
      for (const action of await actionsOf(talk, jail)) {
        if ((await wordsOfAction(talk, jail, action, 'actionmethods')).includes(RUNS)) actions.push(action);
      }
      return actions;
    },
    succeeds: (jail, action, command, seconds) => succeeds(talk, jail, action, command, seconds),
    isBanned: async (jail, ip) => (await areBanned(talk, jail, [ip], await tellingOf(talk)))[0] === true,
    change: async (jail, verb, ip) => void (await change(talk, jail, verb, [ip])),
    logTarget: () => logTargetOf(talk),
  };
}

/** An effect, or that its ban cannot be seen for a reason. */
export function withUnseen(effect: Effect, reason: string | undefined): Effect {
  if (reason === undefined || effect.outcome === 'failed') return effect;
  const { outcome, localJail } = effect;
  return { outcome: 'unproven', reason, localJail, isBegun: outcome === 'applied' };
}

/** What a person is told of a jail whose bans cannot be seen. */
export function unprovenSays(jail: string, reason: string): string {
  return `Bans in fail2ban's jail ${jail} cannot be seen in the firewall of this host, and count as unproven: ${reason}. Mend its action (banaction of the jail; that of the jail banshare is banaction_allports), or set [apply] enforcer = "nftables".`;
}
