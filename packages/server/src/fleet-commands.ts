import { hostPaths, wallSeconds } from '@banshare/runtime';
import type { Ask, Command } from './ask.ts';
import type { AuditEntry } from './audit.ts';
import { closePorts, type Ports } from './close-ports.ts';
import type { Openness } from './fleet/opening.ts';
import { frozenLine, type Frozen } from './judging/freeze.ts';
import { sayOpenness } from './say.ts';
import { showAuditLog, showHosts, showLifted, showNeverBan, type ShownBan } from './show.ts';
import type { HostStatus } from './status.ts';

type Listed = { hosts: HostStatus[]; activeRanges: number; frozen: Frozen | null };

const SAYS = ({ says }: { says: string }): string => says;

/** The commands about hosts, enrolment, what is never banned and the audit log. */
export function fleetCommands(ask: Ask): Command[] {
  return [
    hosts(ask),
    {
      command: 'enrolment <mode>',
      describe: 'open takes in whoever has the join key, approve asks you, closed takes nobody',
      builder: {
        mode: { type: 'string', choices: ['open', 'approve', 'closed'] },
        for: { type: 'string', describe: 'open: for so long (1d), then approve' },
      },
      handler: (words) => {
        const { mode, for: duration } = words;
        const show = (openness: Openness): string => `Enrolment: ${sayOpenness(openness)}.`;
        return ask(words, { command: 'enrolment', args: { mode, for: duration } }, show);
      },
    },
    {
      command: 'never-ban <action> [range]',
      describe: 'never-ban list|add|remove CIDR; what is added is lifted everywhere at once',
      builder: { action: { type: 'string', choices: ['list', 'add', 'remove'] }, range: { type: 'string' } },
      handler: async (words) => {
        const args = { action: words['action'], range: words['range'] };
        if (args.action === 'list') {
          const show = ({ entries }: { entries: { range: string; source: string }[] }): string =>
            showNeverBan(entries);
          return ask(words, { command: 'never-ban', args }, show);
        }
        const show = ({ lifted }: { lifted: ShownBan[] }): string =>
          lifted.length === 0 ? 'Done; nothing there was banned.' : `Done. ${showLifted(lifted)}`;
        return ask(words, { command: 'never-ban', args }, show);
      },
    },
    {
      command: 'retire <generation>',
      describe: 'ends a generation: closes its ports and removes its keys',
      builder: {
        generation: { type: 'string' },
        force: { type: 'boolean', default: false, describe: 'although hosts are still on it' },
      },
      handler: (words) => {
        const args = { generation: words['generation'], force: words['force'] };
        // The daemon may not run anything as root; who retires a generation is root.
        const close = (ports: Ports & { says: string }): number => closePorts(hostPaths(words.root), ports);
        return ask(words, { command: 'retire', args }, SAYS, close);
      },
    },
    {
      command: 'audit',
      describe: 'what operators did, who enrolled and who was revoked',
      builder: { verify: { type: 'boolean', default: false, describe: 'checks that nothing was changed' } },
      handler: (words) => {
        const show = ({ entries }: { entries: AuditEntry[] }): string =>
          words['verify'] === true ? `The chain of ${entries.length} entries holds.` : showAuditLog(entries);
        return ask(words, { command: 'audit', args: { verify: words['verify'] } }, show);
      },
    },
  ];
}

function hosts(ask: Ask): Command {
  return {
    command: 'hosts [action] [name]',
    describe: 'every host and how far it is; hosts approve|revoke|forget|mute|unmute NAME',
    builder: {
      action: { type: 'string', choices: ['approve', 'revoke', 'forget', 'mute', 'unmute'] },
      name: { type: 'string' },
      replace: {
        type: 'boolean',
        default: false,
        describe: 'approve: takes the name from a host that is alive, and revokes that one',
      },
      for: {
        type: 'string',
        default: '8h',
        describe: 'mute: how long it does not count in status and drill',
      },
      note: { type: 'string', describe: 'mute: why, as status then says' },
    },
    handler: async (words) => {
      const { action, name, replace } = words;
      if (action === 'mute') {
        const mute = { name, for: words['for'], note: words['note'] };
        return ask(words, { command: 'mute-host', args: mute }, SAYS);
      }
      if (action === 'unmute') return ask(words, { command: 'unmute-host', args: { name } }, SAYS);
      const args = { action, name, replace };
      if (action !== undefined) return ask(words, { command: 'change-host', args }, SAYS);
      const show = ({ hosts, activeRanges, frozen }: Listed): string =>
        [showHosts(hosts, wallSeconds(), activeRanges), ...frozenLine(frozen, wallSeconds())].join('\n');
      return ask(words, { command: 'hosts' }, show);
    },
  };
}
