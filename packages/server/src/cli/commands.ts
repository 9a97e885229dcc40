import {
  becomeOwner,
  complain,
  endQuietly,
  EXIT,
  parseWords,
  flagFault,
  flagsIn,
  usageFault,
  version,
  type CommandWords,
} from '@banshare/runtime';
import yargs, { type Options } from 'yargs';
import { type Ask, askWith, type Command } from './asking/ask-daemon.ts';
import { banCommands } from './ban-commands.ts';
import { careCommands } from './server-commands.ts';
import { checkAll } from './check-command.ts';
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
    .command('$0', false, {}, async ({ root, config, check, json }) => {
      if (check === true) setCode(await checkAll(root, config, json));
    })
    .fail((message: string | null, error: Error | undefined) => {
      if (message === null) throw error ?? new Error('Cannot do that');
      complain('banshare-server', usageFault(message, argv, programOf(commands)));
      process.exit(EXIT.usage);
    });
  const fault = flagFault(argv, programOf(commands));
  if (fault !== undefined) {
    complain('banshare-server', fault);
    return EXIT.usage;
  }
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
      handler: async ({ root, config, check, json }) => {
        if (check === true) setCode(await checkAll(root, config, json));
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
  const flags = [...flagsIn(EVERY_OPTION), 'help', 'version'];
  return { usage: 'banshare-server', options, flags, inner: commands.map((command) => wordsIn(command, '')) };
}

function wordsIn(command: Command, before: string): CommandWords {
  const usage = before + String(command.command);
  const inner = (command.inner ?? []).map((each) => wordsIn(each, `${usage} `));
  const { builder } = command;
  const flags = typeof builder === 'object' ? flagsIn(builder) : [];
  return { usage, options: optionsOf(command), flags, inner };
}

function optionsOf(command: Command): string[] {
  const { builder } = command;
  if (typeof builder !== 'object') return [];
  const positionals = positionalsOf(command);
  return Object.keys(builder).filter((name) => !positionals.has(name));
}
