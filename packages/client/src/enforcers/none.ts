import type { Log } from '@banshare/runtime';
import type { Enforcer } from './enforcer.ts';
import type { Change } from '../bans/change.ts';

/** Does nothing and says what would be done: a careful administrator starts with it. */
export function noEnforcer(log: Pick<Log, 'notice'>, show: (change: Change) => string): Enforcer {
  return {
    kind: 'none',
    mostAtOnce: 1000,
    isSerial: true,
    reach: 'jail',
    takesRanges: true,
    carryOut: async (changes) =>
      changes.map((change) => {
        const { ip, localJail } = change;
        log.notice(`Would ${change.kind}`, { ip, jail: localJail, command: show(change) });
        return { outcome: 'skipped', reason: 'enforcer is none', localJail };
      }),
    check: async () => [],
  };
}
