import type { JailName } from '@banshare/protocol';
import {
  FAIL2BAN_COMMANDS,
  monotonicSeconds,
  splitWords,
  type ClientConfig,
  type HostPaths,
  type Log,
} from '@banshare/runtime';
import { exec } from '../exec.ts';
import type { Notes } from '../notes.ts';
import { commandEnforcer, commandOf, type Commands } from './command.ts';
import type { Enforcer } from './enforcer.ts';
import { fail2banFirst } from './fail2ban-first.ts';
import { Fail2banEnforcer, type Fail2banParts } from './fail2ban.ts';
import { HostSets } from './host-sets.ts';
import { ipsetSets } from './ipset.ts';
import { nftSets, type RunTool } from './nftables.ts';
import { noEnforcer } from './none.ts';

/** What an enforcer may need of its host. */
export type EnforcerHost = {
  paths: HostPaths;
  log: Pick<Log, 'notice'>;
  notes: Notes;
  /** Without it a restart of the client forgets which fail2ban it knew. */
  memory?: Fail2banParts['memory'];
};

/** The enforcer that client.toml asks for. @throws when a command cannot be read. */
export function chosenEnforcer(config: ClientConfig, host: EnforcerHost): Enforcer {
  const { enforcer, command, unbanCommand } = config.apply;
  switch (enforcer) {
    case 'none':
      return noEnforcer(host.log, (change) => commandOf(commandsOf(config), change).join(' '));
    case 'fail2ban':
      return fail2banOf(config, host);
    case 'nftables':
      return new HostSets(nftSets(toolRunner(config)), nowMs);
    case 'ipset':
      return new HostSets(ipsetSets(toolRunner(config)), nowMs);
    case 'command': {
      const isFail2ban = command === FAIL2BAN_COMMANDS.ban && unbanCommand === FAIL2BAN_COMMANDS.unban;
      const enforcerOfCommand = commandOfHost(config, host);
      return isFail2ban ? fail2banFirst(fail2banOf(config, host), enforcerOfCommand) : enforcerOfCommand;
    }
  }
}

function fail2banOf(config: ClientConfig, { paths, notes, memory }: EnforcerHost): Fail2banEnforcer {
  return new Fail2banEnforcer({
    socket: paths.fail2banSocket,
    missingJail: config.apply.missingJail as JailName,
    timeoutMs: config.apply.timeoutSeconds * 1000,
    notes,
    nowMs,
    memory: memory ?? { recall: () => undefined, remember: () => undefined },
  });
}

function toolRunner(config: ClientConfig): RunTool {
  const timeoutMs = config.apply.timeoutSeconds * 1000;
  return (words, options) => exec(words, timeoutMs, nowMs, options);
}

function commandOfHost(config: ClientConfig, { notes }: EnforcerHost): Enforcer {
  const timeoutMs = config.apply.timeoutSeconds * 1000;
  return commandEnforcer(commandsOf(config), notes, (words) => exec(words, timeoutMs, nowMs));
}

function commandsOf(config: ClientConfig): Commands {
  const words = (text: string): string[] => {
    const split = splitWords(text);
    if (!split.ok) throw new Error(`Cannot read the command "${text}": ${split.fault}`);
    return split.value;
  };
  const { command, unbanCommand, missingJail } = config.apply;
  return { ban: words(command), unban: words(unbanCommand), missingJail: missingJail as JailName };
}

function nowMs(): number {
  return monotonicSeconds() * 1000;
}
