import {
  becomeOwner,
  complain,
  endQuietly,
  parseWords,
  PLUGIN_EXIT,
  pluginLine,
  EXIT,
  hostPaths,
  METRICS_OPTIONS,
  readClientConfig,
  type Reloaded,
  showReload,
  table,
  tell,
  tellJson,
  flagFault,
  flagsIn,
  usageFault,
  version,
  type CommandWords,
} from '@banshare/runtime';
import { hostname } from 'node:os';
import yargs, { type Argv, type CommandModule, type Options } from 'yargs';
import { hasJoinKey } from '../identity/enrol.ts';
import { askDaemon } from './ask-daemon.ts';
import { setCloneAside } from '../identity/clone.ts';
import { showMetrics } from './metrics-command.ts';
import { pauseOrResume } from './pause-commands.ts';
import { showHost } from './status-command.ts';
import { lookAtState, setupFaults, setupHints } from './check-setup.ts';
import { enrolAtServers } from './enrol-now.ts';
import { join, refuseTokenWords } from './join-command.ts';
import { readSetup } from './read-setup.ts';
import { showKey } from './key-command.ts';
import { rotateNow } from './rotate-command.ts';
import { readEnrolled } from '../identity/key-files.ts';
import type { ToldBan } from '../admin/actions.ts';

/** The daemon answers at once, unless a burst of bans is being written. */
const ANSWER_MS = 10_000;

type Common = {
  root: string;
  config?: string | undefined;
  check?: boolean | undefined;
  json: boolean;
  openmetrics?: unknown;
  file?: unknown;
  nagios?: unknown;
};
type Command = CommandModule<object, Common>;

/** The last line of each help. */
const MORE = 'More: man banshare-client; by symptom, what to do: man 7 banshare';

/** The options that every command takes. */
export const EVERY_OPTION = {
  root: { type: 'string', default: '', defaultDescription: '/', describe: 'puts DIR before every path' },
  config: { type: 'string', describe: 'instead of /etc/banshare/client.toml' },
  check: { type: 'boolean', describe: 'looks for faults in configuration, keys and permissions' },
  json: { type: 'boolean', default: false, describe: 'one JSON document' },
} as const satisfies Record<string, Options>;

/** Everything but the daemon itself. Returns the exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  endQuietly('banshare-client');
  const shown = refuseTokenWords(argv);
  if (shown !== undefined) {
    say(shown);
    return EXIT.usage;
  }
  let code = 0;
  const commands = clientCommands((next) => void (code = next), argv);
  const parser = yargs([...argv])
    .scriptName('banshare-client')
    .version(version)
    .alias('help', 'h')
    .epilogue(MORE)
    .strict()
    .options(EVERY_OPTION)
    .requiresArg(['root', 'config'])
    // Root works below another user's folder with no more rights than that user has.
    .middleware(({ root }) => (root === '' ? undefined : becomeOwner(root)))
    .fail((message: string | null, error: Error | undefined) => {
      if (message === null) throw error ?? new Error('Cannot do that');
      say(usageFault(message, argv, programOf(commands)));
      process.exit(EXIT.usage);
    });
  for (const command of commands) parser.command(withMore(command));
  const fault = flagFault(argv, programOf(commands));
  if (fault !== undefined) {
    say(fault);
    return EXIT.usage;
  }
  await parseWords(parser, argv);
  return code;
}

/** The program as whoever mistypes a word is helped by it. */
function programOf(commands: readonly Command[]): CommandWords {
  const inner = commands.map(({ command, builder }) => ({
    usage: [command ?? ''].flat()[0] ?? '',
    options: typeof builder === 'object' ? Object.keys(builder) : [],
    flags: typeof builder === 'object' ? flagsIn(builder) : [],
    inner: [],
  }));
  return {
    usage: 'banshare-client',
    options: [...Object.keys(EVERY_OPTION), 'help', 'version'],
    flags: [...flagsIn(EVERY_OPTION), 'help', 'version'],
    inner,
  };
}

/** The same command, whose own help ends with the line of all. */
function withMore(command: Command): Command {
  const { builder } = command;
  if (typeof builder !== 'object') return command;
  const named = Object.entries(builder).filter(([name, { type }]) => type === 'string' && name !== 'from');
  return {
    ...command,
    builder: (parser) =>
      parser
        .options(builder)
        .requiresArg(named.map(([name]) => name))
        .epilogue(MORE) as Argv<Common>,
  };
}

/** Every command, in the order of help; a new one is found here by help, the reference and whoever mistypes it. */
export function clientCommands(
  setCode: (code: number) => void,
  argv: readonly string[] = [],
): readonly Command[] {
  const command = (
    name: string | readonly string[],
    describe: string,
    work: (words: Common) => Promise<number>,
  ): Command => ({
    command: name,
    describe,
    builder: {},
    handler: async (words) => setCode(await work(words)),
  });
  return [
    command(['run', '$0'], 'follows the fleet in the foreground (the default)', checkOrExplain),
    {
      command: 'status',
      describe: 'how this host stands, and what is wrong',
      builder: {
        nagios: {
          type: 'boolean',
          default: false,
          describe:
            'one line and figures, as a monitoring plugin: exit 2 critical or not running, 1 warning, 3 unknown',
        },
      },
      handler: async (words) => setCode(await status(words)),
    },
    command('bans', 'what became of each ban on this host', ({ root, json }) => bans(root, json)),
    metricsCommand(setCode),
    command('key', "prints this host's name and public key, a line for banshare-server hosts admit", key),
    command('enrol', 'makes this host known to the server', ({ root, config }) => enrolNow(root, config)),
    joinCommand(setCode, argv),
    command(
      'rotate',
      'makes a new key for this host; the one before counts until the new one is used',
      ({ root, config }) => rotateKey(root, config),
    ),
    command(
      'reload',
      'takes over what was changed in client.toml and client.d, all of it or nothing',
      reload,
    ),
    command(
      'pause',
      'lifts here everything that banshare applied, and applies nothing until resume',
      ({ root, config }) => pauseNow('pause', root, config),
    ),
    command('resume', 'ends the pause: what was kept back is applied again', ({ root, config }) =>
      pauseNow('resume', root, config),
    ),
  ];
}

function metricsCommand(setCode: (code: number) => void): Command {
  return {
    command: 'metrics',
    describe: 'figures for Prometheus, in its text format 0.0.4',
    builder: METRICS_OPTIONS,
    handler: async ({ root, json, openmetrics, file }) => {
      const form = json ? 'json' : openmetrics === true ? 'openmetrics' : 'text';
      setCode(await showMetrics(root, typeof file === 'string' ? { file } : form));
    },
  };
}

function joinCommand(setCode: (code: number) => void, argv: readonly string[]): Command {
  return {
    command: 'join [from]',
    describe: 'joins the fleet that a token names: join - reads it from standard input; never an argument',
    builder: {
      from: { type: 'string', describe: '- for standard input' },
      file: { type: 'string', describe: 'reads it from a file of mode 0600' },
    },
    handler: async (words) => setCode(await joinBy(words, argv)),
  };
}

/** A plain run never comes here: main.ts starts it without yargs. */
async function checkOrExplain({ root, config, check, json }: Common): Promise<number> {
  if (check === true) return checkAll(root, config, json);
  say('run takes --root, --config and --check; see banshare-client --help');
  return EXIT.usage;
}

/** One of the two ways to give a token, and no other word. */
async function joinBy(
  { root, config, json, file, from }: Common & { from?: unknown },
  argv: readonly string[],
): Promise<number> {
  const isInput = from === '-' || (from === '' && argv.includes('-'));
  if ((from !== undefined && !isInput) || (typeof file === 'string') === isInput) {
    say('join takes - for standard input, or --file FILE; see banshare-client join --help');
    return EXIT.usage;
  }
  const { code, says, outcome, name } = await join(
    root,
    config,
    typeof file === 'string' ? { file } : 'standard input',
  );
  if (json) tellJson({ outcome, name, says });
  else (code === EXIT.done ? print : say)(says);
  return code;
}

async function enrolNow(root: string, configPath: string | undefined): Promise<number> {
  const paths = hostPaths(root);
  if (setCloneAside(paths)) say('this machine is a clone: the key of the original is set aside');
  const known = readEnrolled(paths);
  if (known.ok && !hasJoinKey(paths)) {
    print(`This host is enrolled as ${known.value.name}.`);
    return 0;
  }
  const setup = await readSetup(root, configPath);
  if (setup === undefined) return EXIT.configuration;
  const wanted = known.ok ? known.value.name : (setup.config.name ?? hostname());
  const result = await enrolAtServers(paths, setup, wanted);
  if (known.ok && !result.ok && result.code === 'revoked') {
    say(
      `${known.value.name} is enrolled no more: ${result.reason}. Ask the operator of the server; once this host may come back, move ${paths.keys.host}.key* away and run banshare-client enrol again, which makes a new key`,
    );
    return EXIT.failed;
  }
  if (known.ok && !result.ok) {
    // The installer lays a join pair each time it runs; the client deletes it once the server knows the host.
    print(`This host is enrolled as ${known.value.name}. Not asked anew: ${result.reason}`);
    return 0;
  }
  if (result.ok) print(`${known.ok ? 'This host is enrolled' : 'Enrolled'} as ${result.key.name}.`);
  else say(`Not enrolled: ${result.reason}`);
  return result.ok ? EXIT.done : EXIT.failed;
}

/** It needs no server, and so no more of client.toml than its name. */
async function key({ root, config: path, json }: Common): Promise<number> {
  const read = await readClientConfig(path ?? hostPaths(root).clientConfig, {
    mustExist: path !== undefined,
  });
  if (!read.ok) {
    read.faults.forEach(say);
    return EXIT.configuration;
  }
  const { code, lines, shown } = await showKey(root, read.config);
  if (shown !== undefined && json) tellJson(shown);
  else for (const line of lines) (code === 0 ? print : say)(line);
  return code;
}

async function rotateKey(root: string, configPath: string | undefined): Promise<number> {
  const setup = await readSetup(root, configPath);
  if (setup === undefined) return EXIT.configuration;
  const { code, lines } = await rotateNow(root, setup.config, setup.serverEndpoint);
  for (const line of lines) (code === 0 ? print : say)(line);
  return code;
}

async function pauseNow(
  which: 'pause' | 'resume',
  root: string,
  configPath: string | undefined,
): Promise<number> {
  const setup = await readSetup(root, configPath);
  if (setup === undefined) return EXIT.configuration;
  try {
    const { code, lines } = await pauseOrResume(which, root, setup.config);
    for (const line of lines) (code === 0 ? print : say)(line);
    return code;
  } catch (error) {
    say(`Cannot ${which}: ${(error as Error).message}; run it as root`);
    return EXIT.failed;
  }
}

async function reload({ root, json }: Common): Promise<number> {
  const reply = await askDaemon(hostPaths(root), { command: 'reload' }, ANSWER_MS);
  if (!reply.ok) {
    say(reply.reason);
    if (reply.code === 'configuration') return EXIT.configuration;
    return reply.code === 'no-daemon' ? EXIT.noDaemon : EXIT.failed;
  }
  if (json) tellJson(reply.result);
  else print(showReload(reply.result as Reloaded));
  return EXIT.done;
}

async function status(options: Common): Promise<number> {
  const setup = await readSetup(options.root, options.config);
  if (setup !== undefined) return showHost(options.root, setup, options);
  if (options.nagios !== true) return EXIT.configuration;
  print(pluginLine('banshare', 'unknown', ['the configuration of banshare-client has a fault'], []));
  return PLUGIN_EXIT.unknown;
}

async function bans(root: string, asJson: boolean): Promise<number> {
  const reply = await askDaemon(hostPaths(root), { command: 'bans' }, 30_000);
  if (!reply.ok) {
    say(reply.reason);
    return reply.code === 'no-daemon' ? EXIT.noDaemon : EXIT.failed;
  }
  const { bans: rows } = reply.result as { bans: ToldBan[] };
  if (asJson) tellJson({ bans: rows });
  else print(rows.length === 0 ? 'No bans here.' : bansTable(rows));
  return 0;
}

function bansTable(rows: readonly ToldBan[]): string {
  const counts = new Map<string, number>();
  for (const { status: word } of rows) counts.set(word, (counts.get(word) ?? 0) + 1);
  const cells = rows.map(({ ip, localJail, prog, host, status: word, reason }) => [
    ip,
    localJail,
    prog,
    host,
    reason === '' ? word : `${word}: ${reason}`,
  ]);
  const sum = [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  return `${table(['ADDRESS', 'JAIL HERE', 'PROG', 'FROM', 'HERE'], cells)}\n${rows.length} ${rows.length === 1 ? 'ban' : 'bans'}: ${sum}.`;
}

async function checkAll(root: string, configPath: string | undefined, asJson: boolean): Promise<number> {
  const faults = await setupFaults(root, configPath);
  const { tables } = lookAtState(hostPaths(root));
  const code = faults.length === 0 ? EXIT.done : EXIT.configuration;
  if (asJson) tellJson({ faults, state: tables });
  else faults.forEach(say);
  if (asJson || faults.length > 0) return code;
  print('configuration and keys are in order');
  const setup = await readSetup(root, configPath);
  if (setup !== undefined) setupHints(setup.config).forEach(say);
  const servers = setup?.serverEndpoint.servers ?? [];
  if (servers.length > 1) print(`the servers of this host are ${servers.join(', ')}`);
  return code;
}

function say(line: string): void {
  complain('banshare-client', line);
}

function print(line: string): void {
  tell(line);
}
