import type { JailName, ProgName, Target } from '@banshare/protocol';
import type { ClientConfig } from '@banshare/runtime';
import { buildEnforcer, isPsadFirst, type EnforcerHost } from './build.ts';
import { type Enforcer, IN_PSAD } from '../enforcers/enforcer.ts';
import { canBlock } from '../enforcers/psad/psad.ts';
import { covers } from './several.ts';

/** What the state keeps of an enforcer, so that what it holds can be lifted once client.toml asks for another. */
export type NotedEnforcer = {
  kind: ClientConfig['apply']['enforcer'];
  jails: readonly string[];
  progs: readonly string[];
  isPsadFirst: boolean;
  command: string;
  unbanCommand: string;
  missingJail: string;
  logFile: string;
};

type BanToHold = { prog: ProgName; jail: JailName; localJail: JailName; ip: Target };

const FAIL2BAN = 'fail2ban';
export const PSAD = 'psad';
const COMMAND = 'command: ';

/** The enforcers that client.toml asks for, as they are remembered. */
export function enforcersOf(config: ClientConfig): NotedEnforcer[] {
  const { enforcer: kind, command, unbanCommand, missingJail, logFile } = config.apply;
  const wanted = config.enforcer.length > 0 ? config.enforcer : [{ kind, jails: ['*'], progs: ['*'] }];
  const common = { isPsadFirst: isPsadFirst(config), command, unbanCommand, missingJail, logFile };
  return wanted.map((each) => ({ kind: each.kind, jails: each.jails, progs: each.progs, ...common }));
}

/** A remembered enforcer as it was, for everything. @throws when a command cannot be read. */
export function enforcerOf(noted: NotedEnforcer, config: ClientConfig, host: EnforcerHost): Enforcer {
  const { kind, command, unbanCommand, missingJail, logFile } = noted;
  const apply = { ...config.apply, enforcer: kind, command, unbanCommand, missingJail, logFile };
  const enforcer = noted.isPsadFirst ? [] : [{ kind, jails: ['*'], progs: ['*'] }];
  // Without a memory: what the state remembers of fail2ban is of the enforcer that is asked now.
  const { paths, log, notes } = host;
  return buildEnforcer({ ...config, apply, enforcer }, { paths, log, notes });
}

/**
 * Where an enforcer may put bans. What has the same holder is lifted by either: fail2ban's jails over its socket or by its
 * client. The holder of another command is known by what lifts.
 */
export function everyHolderOf({ kind, unbanCommand, isPsadFirst: hasPsad }: NotedEnforcer): string[] {
  switch (kind) {
    case 'none':
    case 'log':
      return [];
    case 'fail2ban':
      return hasPsad ? [FAIL2BAN, PSAD] : [FAIL2BAN];
    case 'command':
      if (/(?:^|\/)fail2ban-client .*\bunbanip\b/.test(unbanCommand))
        return hasPsad ? [FAIL2BAN, PSAD] : [FAIL2BAN];
      return [COMMAND + unbanCommand];
    default:
      return [kind];
  }
}

/** Where an enforcer may have put this ban, or may put it. */
export function holdersOf(noted: NotedEnforcer, ban: BanToHold): string[] {
  if (!covers(noted, ban)) return [];
  const holders = everyHolderOf(noted);
  if (holders.length < 2) return holders;
  if (ban.localJail === IN_PSAD) return [PSAD];
  return ban.prog === PSAD && canBlock(ban) ? holders : [FAIL2BAN];
}

/** Whether a holder is the whole host, in which everything is banshare's. */
export function isOfHost(holder: string): boolean {
  return holder === 'nftables' || holder === 'ipset';
}

/** The program by which a holder of the whole host is filled. */
export function programOf(holder: string): string {
  return holder === 'nftables' ? 'nft' : holder;
}

/** Whether it is lifted by a command, of which nobody knows what it acts on. */
export function isByCommand(holder: string): boolean {
  return holder.startsWith(COMMAND);
}

/** Whether what it holds comes back when its program is started again. */
export function outlastsItsProgram(holder: string): boolean {
  return holder === FAIL2BAN;
}
