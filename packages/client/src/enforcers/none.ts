import type { Log } from '@banshare/runtime';
import type { Enforcer } from './enforcer.ts';

/** Does nothing and says what would be done: a careful administrator starts with it. */
export function noEnforcer(
  log: Pick<Log, 'notice'>,
  show: (change: Parameters<Enforcer['carryOut']>[0]) => string,
): Enforcer {
  return {
    kind: 'none',
    carryOut: async (change) => {
      log.notice(`Would ${change.kind}`, { ip: change.ip, jail: change.localJail, command: show(change) });
      return { outcome: 'skipped', reason: 'enforcer is none', localJail: change.localJail };
    },
  };
}
