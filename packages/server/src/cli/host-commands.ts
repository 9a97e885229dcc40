import { askBy, askPerson, complain, EXIT, hostPaths, someOf, wallSeconds } from '@banshare/runtime';
import { admitCommand } from './admit-command.ts';
import type { Ask, Command } from './asking/ask-daemon.ts';
import { showHosts } from './show/show.ts';
import type { HostStatus } from '../operator/status.ts';
import { frozenLine, type Frozen } from '../judging/freeze.ts';
import { subcommands } from './asking/subcommands.ts';
import { durationTyped, REASON } from './asking/words-of.ts';
import { ACTIONS } from '../operator/actions.ts';

type Hosts = { hosts: HostStatus[]; activeRanges: number; frozen: Frozen | null };

const SAYS = ({ says }: { says: string }): string => says;
const NAME = { type: 'string', describe: 'the host' } as const;
const PATIENCE_MS = 10_000;

/** `hosts`, and what is done with one. */
export function hostCommands(ask: Ask, setCode: (code: number) => void, argv: readonly string[]): Command {
  const inner = [
    admitCommand(setCode, argv),
    approve(ask, setCode),
    disapprove(ask),
    revoke(ask),
    forget(ask),
    mute(ask),
    unmute(ask),
  ];
  return {
    command: 'hosts',
    inner,
    describe: 'every host and how far it is',
    builder: subcommands(inner),
    handler: (words) => {
      const show = ({ hosts, activeRanges, frozen }: Hosts): string =>
        [showHosts(hosts, wallSeconds(), activeRanges), ...frozenLine(frozen, wallSeconds())].join('\n');
      return ask(words, { command: 'hosts' }, show);
    },
  };
}

function approve(ask: Ask, setCode: (code: number) => void): Command {
  return {
    command: 'approve [name]',
    describe: 'lets a waiting host in, and protects the addresses that are named or agreed to',
    builder: {
      name: NAME,
      replace: {
        type: 'boolean',
        default: false,
        describe: 'takes the name from a host that is alive, and revokes that one',
      },
      address: {
        type: 'string',
        array: true,
        describe: 'never bans these, of those that it tells; separated by commas',
      },
      reason: REASON,
    },
    handler: async (words) => {
      const name = words['name'];
      if (typeof name !== 'string' || name === '') {
        const known = await hostsOf(words.root);
        setCode(EXIT.usage);
        complain('banshare-server', whoWaits(known));
        return;
      }
      const given = (words['address'] as string[] | undefined)?.flatMap((text) => text.split(','));
      const addresses = given ?? (await agreed(name, words.root));
      const args = { action: 'approve', name, replace: words['replace'], addresses };
      await ask(words, { command: 'change-host', args }, SAYS);
    },
  };
}

function disapprove(ask: Ask): Command {
  return {
    command: 'disapprove <name> [address..]',
    describe: 'takes back what was approved of a host, or some addresses of it; it stays in the fleet',
    builder: { name: NAME, address: { type: 'string', array: true, describe: 'these only' }, reason: REASON },
    handler: (words) => {
      const args = { action: 'disapprove', name: words['name'], addresses: words['address'] };
      return ask(words, { command: 'change-host', args }, SAYS);
    },
  };
}

function revoke(ask: Ask): Command {
  return {
    command: 'revoke [name]',
    describe: 'shuts a host out at once; newcomers wait for you from then on',
    builder: {
      name: NAME,
      token: {
        type: 'string',
        describe: 'revokes this token, and every host that came by it, in place of one host',
      },
      reason: REASON,
    },
    handler: (words) => {
      const { name, token } = words;
      return ask(words, { command: 'change-host', args: { action: 'revoke', name, token } }, SAYS);
    },
  };
}

function forget(ask: Ask): Command {
  return {
    command: 'forget <name>',
    describe: 'removes a host that is gone for good; it comes back with a fresh installer only',
    builder: { name: NAME, reason: REASON },
    handler: (words) =>
      ask(words, { command: 'change-host', args: { action: 'forget', name: words['name'] } }, SAYS),
  };
}

function mute(ask: Ask): Command {
  return {
    command: 'mute <name>',
    describe: 'does not count a host in status and drill for a time',
    builder: {
      name: NAME,
      for: { type: 'string', default: '8h', coerce: durationTyped, describe: 'how long' },
      note: { type: 'string', describe: 'why, as status then says' },
      reason: REASON,
    },
    handler: (words) => {
      const args = { name: words['name'], for: words['for'], note: words['note'] };
      return ask(words, { command: 'mute-host', args }, SAYS);
    },
  };
}

function unmute(ask: Ask): Command {
  return {
    command: 'unmute <name>',
    describe: 'counts a muted host again',
    builder: { name: NAME, reason: REASON },
    handler: (words) => ask(words, { command: 'unmute-host', args: { name: words['name'] } }, SAYS),
  };
}

/**
 * Shows somebody at a terminal what a host tells, and returns exactly that where he agrees. The server refuses it where the host
 * tells something else by then. Without a terminal nothing is agreed to: the addresses have to be named.
 */
async function agreed(name: string, root: string): Promise<string[]> {
  const told = (await hostsOf(root))?.find((host) => host.name === name)?.waitingAddresses ?? [];
  if (told.length === 0) return [];
  const answer = await askPerson(
    `${name} tells that it is known by ${told.join(', ')}. Shall nobody ever ban ${told.length === 1 ? 'that' : 'these'}, whatever is reported? [y/N]`,
  );
  return /^y(es)?$/i.test((answer ?? '').trim()) ? [...told] : [];
}

/** Undefined where no daemon says which hosts there are. */
async function hostsOf(root: string): Promise<HostStatus[] | undefined> {
  const reply = await askBy(ACTIONS, hostPaths(root).serverSocket, { command: 'hosts' }, PATIENCE_MS);
  return reply.ok ? (reply.result as Hosts).hosts : undefined;
}

function whoWaits(hosts: readonly HostStatus[] | undefined): string {
  if (hosts === undefined)
    return 'name the host: hosts approve NAME; no server runs that could say who waits';
  const waiting = hosts.filter(({ state }) => state === 'pending').map(({ name }) => name);
  if (waiting.length === 0) return 'name the host: hosts approve NAME; none waits for you now';
  return `name the host: hosts approve NAME; ${someOf(waiting)} ${waiting.length === 1 ? 'waits' : 'wait'} for you`;
}
