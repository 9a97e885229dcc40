import {
  becomeOwner,
  complain,
  endQuietly,
  metricsWarning,
  EXIT,
  parseWords,
  tell,
  usageFault,
  version,
  type CommandWords,
} from '@banshare/runtime';
import yargs, { type Options } from 'yargs';
import { type Ask, askWith, type Command } from './asking/ask-daemon.ts';
import { banCommands } from './ban-commands.ts';
import { careCommands } from './server-commands.ts';
import type { LogFault } from '../log/log.ts';
import type { PostgresLogOptions } from '../log/postgres-log.ts';
import { faultsOfNotify } from '../outside/faults.ts';
import { readEverything } from '../setup/read-setup.ts';
import { stopCommands } from './stop-commands.ts';
import { asYargs, MORE, positionalsOf } from './asking/words-of.ts';
import { ledgerCommands } from './ledger-commands.ts';
import { webCommands } from './web-commands.ts';
import { fleetCommands } from './fleet-commands.ts';
import { generationCommand } from './generation-command.ts';
import { historyCommands } from './history-commands.ts';
import { importCommands } from './import-commands.ts';

/** The options that every command takes. */
export const EVERY_OPTION = {
  root: { type: 'string', default: '', defaultDescription: '/', describe: 'puts DIR before every path' },
  config: { type: 'string', describe: 'instead of /etc/banshare/server.toml' },
  check: { type: 'boolean', describe: 'looks for faults in configuration, keys and permissions' },
  json: { type: 'boolean', default: false, describe: 'one JSON document' },
} as const satisfies Record<string, Options>;

/** Everything but the daemon itself: commands to a running server, --help and --check. Returns the exit code. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  endQuietly('banshare-server');
  let code = 0;
  const setCode = (next: number): void => void (code = next);
  const parser = yargs([...argv])
    .scriptName('banshare-server')
    .version(version)
    .alias('help', 'h')
    .epilogue(MORE)
    .strict()
    // Addresses and names stay the texts they are.
    .parserConfiguration({ 'parse-positional-numbers': false, 'parse-numbers': false })
    .options(EVERY_OPTION)
    .requiresArg(['root', 'config'])
    // Root works below another user's folder with no more rights than that user has.
    .middleware(({ root }) => (root === '' ? undefined : becomeOwner(root)));
  const commands = serverCommands(askWith(setCode), setCode, argv);
  for (const command of commands) parser.command(asYargs(command));
  parser
    .command('$0', false, {}, async ({ root, config, check }) => {
      if (check === true) setCode(await checkAll(root, config));
    })
    .fail((message: string | null, error: Error | undefined) => {
      if (message === null) throw error ?? new Error('Cannot do that');
      complain('banshare-server', usageFault(message, argv, programOf(commands)));
      process.exit(EXIT.usage);
    });
  await parseWords(parser, argv);
  return code;
}

/** Every command, in the order of help; a new one is found here by help, the reference and whoever mistypes it. */
export function serverCommands(
  ask: Ask,
  setCode: (code: number) => void,
  argv: readonly string[],
): readonly Command[] {
  return [
    {
      command: 'run',
      describe: 'serves in the foreground (the default)',
      builder: {},
      handler: async ({ root, config, check }) => {
        if (check === true) setCode(await checkAll(root, config));
      },
    },
    {
      command: 'outside',
      describe: 'sends the messages of [[notify]] in the foreground, and calls [dead-man] url',
      builder: {},
      // A plain run never comes here: main.ts starts it without yargs.
      handler: () => setCode(EXIT.usage),
    },
    ...careCommands(ask, setCode),
    ...banCommands(ask),
    ...historyCommands(ask, setCode),
    ...fleetCommands(ask, setCode, argv),
    generationCommand(setCode),
    ...stopCommands(ask),
    webCommands(ask, setCode),
    ledgerCommands(setCode),
    ...importCommands(ask, setCode, argv),
  ];
}

/** The program as whoever mistypes a word is helped by it. */
function programOf(commands: readonly Command[]): CommandWords {
  const options = [...Object.keys(EVERY_OPTION), 'help', 'version'];
  return { usage: 'banshare-server', options, inner: commands.map((command) => wordsIn(command, '')) };
}

function wordsIn(command: Command, before: string): CommandWords {
  const usage = before + String(command.command);
  const inner = (command.inner ?? []).map((each) => wordsIn(each, `${usage} `));
  return { usage, options: optionsOf(command), inner };
}

function optionsOf(command: Command): string[] {
  const { builder } = command;
  if (typeof builder !== 'object') return [];
  const positionals = positionalsOf(command);
  return Object.keys(builder).filter((name) => !positionals.has(name));
}

async function checkAll(root: unknown, config: unknown): Promise<number> {
  const ready = await readEverything(String(root), typeof config === 'string' ? config : undefined);
  const messages = ready.ok ? faultsOfNotify(ready.config) : [];
  for (const fault of messages) complain('banshare-server', fault);
  if (messages.length > 0) return EXIT.configuration;
  if (ready.ok) {
    tell('configuration and keys are in order');
    for (const fault of await faultsOfFiles(ready.config.enrich.mmdb)) complain('banshare-server', fault);
    const warning = metricsWarning(ready.config.metrics.listen);
    if (warning !== undefined) complain('banshare-server', warning);
    for (const { name, fleet } of ready.generations)
      if (fleet.servers.length > 1)
        tell(`hosts of the generation ${name} know these servers: ${fleet.servers.join(', ')}`);
    return ready.log === undefined ? EXIT.done : checkLog(ready.log);
  }
  for (const fault of ready.faults) complain('banshare-server', fault);
  return EXIT.configuration;
}

/** What is wrong with the files that say where addresses are: the daemon starts without them. */
async function faultsOfFiles(files: readonly string[] = []): Promise<string[]> {
  const { Enrichment } = await import('../enrich/enrichment.ts');
  const enrichment = new Enrichment(files, { fault: () => undefined, over: () => undefined });
  await enrichment.open();
  return enrichment.faults;
}

/** Whether the log that several servers share can be written from here now: `notNow` where its database is away. */
async function checkLog(log: PostgresLogOptions): Promise<number> {
  const { probeLog } = await import('../log/probe.ts');
  try {
    tell(`the log: ${await probeLog(log)}`);
    return EXIT.done;
  } catch (error) {
    complain('banshare-server', (error as Error).message);
    const { code } = error as Partial<LogFault>;
    // A server only waits for that: the installers go by it.
    return code === 'away' || code === 'no-standby' ? EXIT.notNow : EXIT.configuration;
  }
}
