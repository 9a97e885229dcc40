import { askAdmin, hostPaths, version, wallSeconds } from '@banshare/runtime';
import { resolve } from 'node:path';
import type { Result } from '@banshare/protocol';
import yargs from 'yargs';
import { backUp, restore } from './backup.ts';
import { readEverything } from './check.ts';
import {
  showBans,
  showDrill,
  showExplanation,
  showHosts,
  showLifted,
  showStatus,
  type ShownBan,
} from './show.ts';
import type { DrillTime } from './drill.ts';
import type { HostStatus, Status } from './status.ts';

const NO_DAEMON = 69;
const CONFIGURATION = 78;
/** A drill waits for every host. */
const PATIENCE_MS = 60_000;

type Common = { root: string; json: boolean };
type Args = Readonly<Record<string, unknown>>;

/** Everything but the daemon itself: commands to a running server, --help and --check. Returns the exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  let code = 0;
  /** Asks the daemon; `judge` turns a good answer into an exit code. */
  const ask = async <T>(
    { root, json }: Common,
    request: { command: string; args?: Args },
    show: (result: T) => string,
    judge: (result: T) => number = () => 0,
  ): Promise<void> => {
    code = await askDaemon(root, json, request, show, judge);
  };
  const parser = yargs([...argv])
    .scriptName('banshare-server')
    .version(version)
    .strict()
    // Addresses and names stay the texts they are.
    .parserConfiguration({ 'parse-positional-numbers': false })
    .option('root', {
      type: 'string',
      default: '',
      defaultDescription: '/',
      describe: 'puts DIR before every path',
    })
    .option('config', { type: 'string', describe: 'instead of /etc/banshare/server.toml' })
    .option('check', { type: 'boolean', describe: 'looks for faults in configuration, keys and permissions' })
    .option('json', { type: 'boolean', default: false, describe: 'one JSON document' })
    .command(
      'status',
      'how the fleet is; exit 1 when a person is needed',
      (y) => y,
      (common) =>
        ask(
          common,
          { command: 'status' },
          (status: Status) => showStatus(status, wallSeconds()),
          needsPerson,
        ),
    )
    .command(
      'hosts',
      'every host and how far it is',
      (y) => y,
      (common) =>
        ask(common, { command: 'hosts' }, ({ hosts }: { hosts: HostStatus[] }) =>
          showHosts(hosts, wallSeconds()),
        ),
    )
    .command(
      'bans [ip]',
      'the active bans',
      (y) =>
        y
          .positional('ip', { type: 'string' })
          .option('jail', { type: 'string', describe: 'of this jail only' })
          .option('host', { type: 'string', describe: 'reported by this host only' })
          .option('all', { type: 'boolean', default: false, describe: 'also those that are over' }),
      ({ ip, jail, host, all, ...common }) =>
        ask(common, { command: 'bans', args: { ip, jail, host, all } }, ({ bans }: { bans: ShownBan[] }) =>
          showBans(bans, wallSeconds()),
        ),
    )
    .command(
      'explain <ip>',
      'every report, verdict, event and outcome of an address',
      (y) => y.positional('ip', { type: 'string', demandOption: true }),
      ({ ip, ...common }) => ask(common, { command: 'explain', args: { ip } }, showExplanation),
    )
    .command(
      'ban <ip>',
      'bans an address on every host',
      (y) =>
        y
          .positional('ip', { type: 'string', demandOption: true })
          .option('jail', { type: 'string', describe: 'the jail (banshare)' })
          .option('for', { type: 'string', describe: '90s 10m 6h 1d 1w, or -1 for ever' })
          .option('reason', { type: 'string', describe: 'kept with the ban' }),
      ({ ip, jail, for: duration, reason, ...common }) =>
        ask(
          common,
          { command: 'ban', args: { ip, jail, for: duration, reason } },
          () => `${ip} is banned everywhere.`,
        ),
    )
    .command(
      'unban <ip>',
      'lifts every ban of an address on every host, whoever reported it',
      (y) =>
        y.positional('ip', { type: 'string', demandOption: true }).option('jail', {
          type: 'string',
          describe: 'in this jail only',
        }),
      ({ ip, jail, ...common }) =>
        ask(common, { command: 'unban', args: { ip, jail } }, ({ lifted }: { lifted: ShownBan[] }) =>
          lifted.length === 0
            ? `No active ban of ${ip}; older reports of it are refused from now on.`
            : showLifted(lifted),
        ),
    )
    .command(
      'undo',
      'lifts what one host caused',
      (y) =>
        y.option('host', { type: 'string', demandOption: true, describe: 'the host' }).option('since', {
          type: 'string',
          demandOption: true,
          describe: 'how far back: 10m, 1h; -1 for everything',
        }),
      ({ host, since, ...common }) =>
        ask(
          common,
          { command: 'undo', args: { host, since } },
          (result: { lifted: ShownBan[]; kept: number }) =>
            `${showLifted(result.lifted)} ${result.kept} stay, since other hosts support them.`,
        ),
    )
    .command(
      'drill',
      'sends the ban of a test address through everything and back, and times each host',
      (y) => y,
      (common) =>
        ask(
          common,
          { command: 'drill' },
          ({ ip, hosts }: { ip: string; hosts: DrillTime[] }) => showDrill(ip, hosts),
          ({ hosts }) => (hosts.every(({ seconds }) => seconds !== null) ? 0 : 1),
        ),
    )
    .command(
      'backup <file>',
      'everything of the running server in one file: ledger, hosts, keys, server.toml',
      (y) => y.positional('file', { type: 'string', demandOption: true }),
      async ({ root, file }) => {
        code = tellResult(await backUp(hostPaths(root), resolve(file)));
      },
    )
    .command(
      'restore <file>',
      'what a backup holds, on this machine, with a new epoch',
      (y) => y.positional('file', { type: 'string', demandOption: true }),
      async ({ root, file }) => {
        code = tellResult(await restore(hostPaths(root), resolve(file)));
      },
    )
    .command(
      ['run', '$0'],
      'serves in the foreground (the default)',
      (y) => y,
      async ({ root, config, check }) => {
        if (check === true) code = await checkAll(root, config);
      },
    )
    .fail((message, error) => {
      process.stderr.write(`banshare-server: ${message ?? error.message}; see banshare-server --help\n`);
      process.exit(64);
    });
  await parser.parseAsync();
  return code;
}

async function askDaemon<T>(
  root: string,
  asJson: boolean,
  request: { command: string; args?: Args },
  show: (result: T) => string,
  judge: (result: T) => number,
): Promise<number> {
  const reply = await askAdmin(hostPaths(root).serverSocket, request, PATIENCE_MS);
  if (!reply.ok) {
    process.stderr.write(`banshare-server: ${reply.reason}\n`);
    return reply.code === 'no-daemon' ? NO_DAEMON : 1;
  }
  const result = reply.result as T;
  process.stdout.write(`${asJson ? JSON.stringify(result) : show(result)}\n`);
  return judge(result);
}

function tellResult(result: Result<string>): number {
  if (result.ok) process.stdout.write(`${result.value}\n`);
  else process.stderr.write(`banshare-server: ${result.fault}\n`);
  return result.ok ? 0 : 1;
}

function needsPerson(status: Status): number {
  const { behind, wrongClocks, clockJump } = status;
  return behind.length > 0 || wrongClocks.length > 0 || clockJump !== 0 ? 1 : 0;
}

async function checkAll(root: string, config: string | undefined): Promise<number> {
  const ready = await readEverything(root, config);
  if (ready.ok) {
    process.stdout.write('configuration and keys are in order\n');
    return 0;
  }
  process.stderr.write(ready.faults.map((fault) => `banshare-server: ${fault}\n`).join(''));
  return CONFIGURATION;
}
