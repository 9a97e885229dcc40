import type { Enforcer } from '../enforcer.ts';
import type { Fail2banEnforcer } from './enforcer.ts';
import type { PsadOrJailParts } from '../psad/or-jail.ts';

/**
 * For a host whose command is fail2ban-client: the same ban over fail2ban's socket, without a process each. Where there is no
 * such socket, or a fail2ban too old to be understood, the command runs.
 */
export function fail2banOrCommand(fail2ban: Fail2banEnforcer, command: Enforcer): PsadOrJailParts['jails'] {
  let isThere = true;
  const chosen = async (): Promise<Enforcer> => {
    isThere = await fail2ban.isThere();
    return isThere ? fail2ban : command;
  };
  const last = (): Enforcer => (isThere ? fail2ban : command);
  return {
    reach: 'jail',
    takesRanges: false,
    get kind() {
      return last().kind;
    },
    get mostAtOnce() {
      return last().mostAtOnce;
    },
    get isSerial() {
      return last().isSerial;
    },
    carryOut: async (changes) => (await chosen()).carryOut(changes),
    check: async () => {
      if ((await chosen()) === fail2ban) return fail2ban.check();
      const missing = await command.check();
      // What a fail2ban cannot do that only its client can talk to is said too.
      return missing.length > 0 ? missing : fail2ban.check();
    },
    unproven: async () => (await (await chosen()).unproven?.()) ?? [],
    isProven: async (jail, ip) => (await (await chosen()).isProven?.(jail, ip)) ?? true,
    isIntact: async () => fail2ban.isIntact(),
    isRepaired: async (jail, ip) => (await fail2ban.isThere()) && fail2ban.isRepaired(jail, ip),
    list: async (jails) => ((await fail2ban.isThere()) ? fail2ban.list(jails) : { ok: false, reason: '' }),
  };
}
