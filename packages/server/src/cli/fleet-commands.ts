import { hostPaths } from '@banshare/runtime';
import type { Ask, Command } from './asking/ask-daemon.ts';
import type { AuditEntry } from '../ledger/books/audit.ts';
import { hostCommands } from './host-commands.ts';
import { tokenCommands } from './token-commands.ts';
import { neverBanCommands } from './never-ban-commands.ts';
import { durationTyped, REASON } from './asking/words-of.ts';
import { closePorts, type Ports } from './asking/firewall-hook.ts';
import { showAuditLog } from './show/show.ts';
import { type Openness, sayOpenness } from '../words/hosts/enrolment.ts';

const SAYS = ({ says }: { says: string }): string => says;

/** The commands about hosts, enrolment, what is never banned and the audit log. */
export function fleetCommands(ask: Ask, setCode: (code: number) => void, argv: readonly string[]): Command[] {
  return [
    hostCommands(ask, setCode, argv),
    tokenCommands(ask, setCode),
    {
      command: 'enrolment <mode>',
      describe: 'open takes in whoever has the join key, approve asks you, closed takes nobody',
      builder: {
        mode: { type: 'string', choices: ['open', 'approve', 'closed'] },
        for: { type: 'string', coerce: durationTyped, describe: 'open: for so long (1d), then approve' },
        reason: REASON,
      },
      handler: (words) => {
        const { mode, for: duration } = words;
        const show = (openness: Openness): string => `Enrolment: ${sayOpenness(openness)}.`;
        return ask(words, { command: 'enrolment', args: { mode, for: duration } }, show);
      },
    },
    neverBanCommands(ask),
    {
      command: 'retire <generation>',
      describe: 'ends a generation on every server: closes its ports and removes its keys',
      builder: {
        generation: { type: 'string' },
        force: { type: 'boolean', default: false, describe: 'although hosts are still on it' },
        reason: REASON,
        undo: { type: 'boolean', default: false, describe: 'takes that back: it may be installed again' },
      },
      handler: (words) => {
        const { generation, force, undo } = words;
        const args = { generation, force, undo };
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
