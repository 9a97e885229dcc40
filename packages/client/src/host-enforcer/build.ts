import { join } from 'node:path';
import type { JailName } from '@banshare/protocol';
import {
  type ClientConfig,
  type HostPaths,
  type Log,
  monotonicSeconds,
  splitWords,
  wallSeconds,
} from '@banshare/runtime';
import { exec } from '../host/exec.ts';
import type { Notes } from '../host/echo-notes.ts';
import { callOf, commandEnforcer, type Commands } from '../enforcers/command.ts';
import type { Enforcer } from '../enforcers/enforcer.ts';
import { provenByClient } from '../enforcers/fail2ban/by-client.ts';
import { fail2banOrCommand } from '../enforcers/fail2ban/or-command.ts';
import { Fail2banEnforcer, type Fail2banParts } from '../enforcers/fail2ban/enforcer.ts';
import { FirewallProof } from '../enforcers/fail2ban/firewall-proof.ts';
import { HostSets } from '../enforcers/sets/host-sets.ts';
import { ipsetSets } from '../enforcers/sets/ipset.ts';
import { logEnforcer } from '../enforcers/log-lines.ts';
import { nftSets } from '../enforcers/sets/nftables.ts';
import { noEnforcer } from '../enforcers/none.ts';
import { psadOrJail, type PsadOrJailParts } from '../enforcers/psad/or-jail.ts';
import { psadEnforcer } from '../enforcers/psad/psad.ts';
import { startBehind } from '../host/socket-start.ts';
import { asOne, type Meant, type Part } from './several.ts';
import { localJailOf } from '../bans/choice.ts';
import type { RunTool } from '../enforcers/sets/tool.ts';
import { clientOf, isFail2banCommand } from '../fail2ban/client.ts';

/** What an enforcer may need of its host. */
export type EnforcerHost = {
  paths: HostPaths;
  log: Pick<Log, 'notice'>;
  notes: Notes;
  /** Without it a restart of the client forgets which fail2ban it knew. */
  memory?: (name: string) => Fail2banParts['memory'];
};

const FORGETFUL = { recall: () => undefined, remember: () => undefined };

const HOUR_MS = 3_600_000;
const ANSWER_BYTES = 1024 * 1024;

type Kind = ClientConfig['apply']['enforcer'];

/** The folder in the runtime directory that has what programs are to read, while they run. */
export const INPUT = 'input';

/** The enforcer that client.toml asks for, or several as one. @throws when a command cannot be read. */
export function buildEnforcer(config: ClientConfig, host: EnforcerHost): Enforcer {
  return asOne(buildEnforcers(config, host));
}

/**
 * The enforcers that client.toml asks for, each with the bans that it is for. Tables of one kind are one enforcer: two would fill the same
 * sets, and each would lift what the other wants there. @throws when a command cannot be read.
 */
export function buildEnforcers(config: ClientConfig, host: EnforcerHost): Part[] {
  const everything = { kind: config.apply.enforcer, jails: ['*'], progs: ['*'] };
  const wanted = config.enforcer.length > 0 ? config.enforcer : [everything];
  const kinds = new Map<Kind, Meant[]>();
  for (const { kind, jails, progs } of wanted)
    kinds.set(kind, [...(kinds.get(kind) ?? []), { jails, progs }]);
  return [...kinds].flatMap(([kind, [first, ...also]]) =>
    first === undefined ? [] : [{ enforcer: enforcerOf(kind, config, host), ...first, also }],
  );
}

function enforcerOf(kind: Kind, config: ClientConfig, host: EnforcerHost): Enforcer {
  const timeoutMs = config.apply.timeoutSeconds * 1000;
  const inputFolder = join(host.paths.clientRun, INPUT);
  const runTool: RunTool = (words, options) => exec(words, timeoutMs, nowMs, { inputFolder, ...options });
  switch (kind) {
    case 'none':
      return noEnforcer(host.log, (change) => callOf(commandsOf(config), change, [change.ip]).join(' '));
    case 'fail2ban':
      return jailsOf(config, host, fail2banOf(config, host));
    case 'nftables':
      return new HostSets(nftSets(runTool), nowMs);
    case 'ipset':
      return new HostSets(ipsetSets(runTool), nowMs);
    case 'log':
      return logEnforcer(join(host.paths.root, config.apply.logFile), host.notes, wallSeconds);
    case 'psad':
      return psadEnforcer(host.paths, host.notes, timeoutMs);
    case 'command':
      return commandOfHost(config, host, runTool);
  }
}

function commandOfHost(config: ClientConfig, host: EnforcerHost, runTool: RunTool): Enforcer {
  const commands = commandsOf(config);
  const plain = commandEnforcer(commands, host.notes, (words) => runTool(words));
  const client = clientOf(commands.ban);
  const enforcer =
    client === undefined ? plain : provenByClient(plain, clientParts(client, config, host, runTool));
  return isFail2banCommand(config)
    ? jailsOf(config, host, fail2banOrCommand(fail2banOf(config, host), enforcer))
    : enforcer;
}

function clientParts(
  client: readonly string[],
  config: ClientConfig,
  { notes }: EnforcerHost,
  runTool: RunTool,
): Parameters<typeof provenByClient>[1] {
  // When fail2ban was started anew does not show: what was seen once is looked for again each hour.
  const start = (): string => String(Math.floor(nowMs() / HOUR_MS));
  return {
    run: (words) => runTool([...client, ...words], { keptBytes: ANSWER_BYTES }),
    proof: new FirewallProof({ notes, nowMs, start }),
    missingJail: config.apply.missingJail,
  };
}

/** Whether psad's bans go to psad while it runs here: where client.toml leaves bans to fail2ban and lists no enforcers. */
export function isPsadFirst(config: ClientConfig): boolean {
  const { enforcer } = config.apply;
  const isFail2ban = enforcer === 'fail2ban' || (enforcer === 'command' && isFail2banCommand(config));
  return isFail2ban && config.enforcer.length === 0;
}

function jailsOf(config: ClientConfig, host: EnforcerHost, jails: PsadOrJailParts['jails']): Enforcer {
  if (!isPsadFirst(config)) return jails;
  const psad = psadEnforcer(host.paths, host.notes, config.apply.timeoutSeconds * 1000);
  const memory = host.memory?.('psad') ?? FORGETFUL;
  return psadOrJail({ psad, jails, localJailOf: (ban) => localJailOf(ban, config.apply.jails), memory });
}

function fail2banOf(config: ClientConfig, { paths, notes, memory }: EnforcerHost): Fail2banEnforcer {
  const start = (): string => startBehind(paths.fail2banSocket) ?? '';
  return new Fail2banEnforcer({
    proof: new FirewallProof({ notes, nowMs, start }),
    socket: paths.fail2banSocket,
    missingJail: config.apply.missingJail as JailName,
    timeoutMs: config.apply.timeoutSeconds * 1000,
    notes,
    nowMs,
    memory: memory?.('fail2ban') ?? FORGETFUL,
  });
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
