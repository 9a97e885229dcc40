import { resolve } from 'node:path';
import type { Result } from '@banshare/protocol';
import { hostPaths, wallSeconds } from '@banshare/runtime';
import type { Ask, Command } from './ask.ts';
import { backUp, restore } from './backup.ts';
import type { DrillTime } from './drill.ts';
import { showDrill, showStatus } from './show.ts';
import type { Status } from './status.ts';

const NO_DAEMON = 69;

/** The commands that care for the server itself. */
export function careCommands(ask: Ask, setCode: (code: number) => void): Command[] {
  const file = { file: { type: 'string' } } as const;
  return [
    {
      command: 'status',
      describe: 'how the fleet is; exit 1 when a person is needed',
      builder: {},
      handler: (words) =>
        ask(words, { command: 'status' }, (status: Status) => showStatus(status, wallSeconds()), needsPerson),
    },
    {
      command: 'drill',
      describe: 'sends the ban of a test address through everything and back, and times each host',
      builder: {},
      handler: (words) => {
        const show = ({ ip, hosts }: { ip: string; hosts: DrillTime[] }): string => showDrill(ip, hosts);
        const judge = ({ hosts }: { hosts: DrillTime[] }): number =>
          hosts.some(({ seconds }) => seconds === null) ? 1 : 0;
        return ask(words, { command: 'drill' }, show, judge);
      },
    },
    {
      command: 'backup <file>',
      describe: 'everything of the running server in one file: ledger, hosts, keys, server.toml',
      builder: file,
      handler: async ({ root, file: path }) => {
        const result = await backUp(hostPaths(root), resolve(String(path)));
        setCode(result.isWithoutDaemon === true ? tell(result) && NO_DAEMON : tell(result));
      },
    },
    {
      command: 'restore <file>',
      describe: 'what a backup holds, on this machine, with a new epoch',
      builder: file,
      handler: async ({ root, file: path }) => {
        setCode(tell(await restore(hostPaths(root), resolve(String(path)))));
      },
    },
  ];
}

function tell(result: Result<string>): number {
  if (result.ok) process.stdout.write(`${result.value}\n`);
  else process.stderr.write(`banshare-server: ${result.fault}\n`);
  return result.ok ? 0 : 1;
}

function needsPerson(status: Status): number {
  const { behind, wrongClocks, clockJump, held, pending, doubled, enrolmentHold, bannedHosts } = status;
  const isWell =
    behind.length + wrongClocks.length + held + pending.length + doubled.length + bannedHosts.length === 0 &&
    clockJump === 0 &&
    enrolmentHold === null;
  return isWell ? 0 : 1;
}
