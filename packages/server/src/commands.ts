import { askAdmin, hostPaths, version, wallSeconds } from '@banshare/runtime';
import yargs from 'yargs';
import { readEverything } from './check.ts';
import { showBans, showStatus } from './show.ts';
import type { Status } from './status.ts';

const NO_DAEMON = 69;
const CONFIGURATION = 78;

/** Everything but the daemon itself: commands to a running server, --help and --check. Returns the exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  let code = 0;
  const parser = yargs([...argv])
    .scriptName('banshare-server')
    .version(version)
    .strict()
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
      'how the fleet is',
      (common) => common,
      async ({ root, json }) => {
        code = await ask(root, 'status', json, (status: Status) => showStatus(status, wallSeconds()));
      },
    )
    .command(
      'bans',
      'the active bans',
      (common) => common,
      async ({ root, json }) => {
        code = await ask(root, 'bans', json, ({ bans }: { bans: Parameters<typeof showBans>[0] }) =>
          showBans(bans, wallSeconds()),
        );
      },
    )
    .command(
      ['run', '$0'],
      'serves in the foreground (the default)',
      (common) => common,
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

async function ask<T>(
  root: string,
  command: string,
  asJson: boolean,
  show: (result: T) => string,
): Promise<number> {
  const reply = await askAdmin(hostPaths(root).serverSocket, { command }, 30_000);
  if (!reply.ok) {
    process.stderr.write(`banshare-server: ${reply.reason}\n`);
    return reply.code === 'no-daemon' ? NO_DAEMON : 1;
  }
  process.stdout.write(`${asJson ? JSON.stringify(reply.result) : show(reply.result as T)}\n`);
  return 0;
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
