// The commands and options of the programs, as the tables in their code have them, in one shape: the reference, the pages of the
// manual and completion are made of it.
import type { Options } from 'yargs';
import * as client from '../../packages/client/src/cli/commands.ts';
import { helpText } from '../../packages/report/src/help.ts';
import * as server from '../../packages/server/src/cli/commands.ts';

/** What stands by its name, as `--since D`, or by its position, as `<ip..>`. */
export type ShownOption = {
  readonly name: string;
  /** One letter, as `d` of `-d, --debug`. */
  readonly short?: string | undefined;
  /** What its value is called; empty where it takes none. */
  readonly value: string;
  /** Whether it may be given several times. */
  readonly isList: boolean;
  readonly meaning: string;
  readonly choices: readonly string[];
  /** What counts without it; empty where that is nothing, or said in the meaning. */
  readonly initial: string;
};

/** One command, or command of a command. */
export type ShownCommand = {
  /** As help writes it, without the program: `hosts approve [name]`. */
  readonly usage: string;
  /** The words alone: `hosts approve`. */
  readonly name: string;
  readonly describe: string;
  readonly options: readonly ShownOption[];
  readonly positionals: readonly ShownOption[];
  /** Whether it only leads to commands of its own, as well as doing something. */
  readonly inner: readonly ShownCommand[];
};

/** A daemon's program with all that it takes. */
export type Program = {
  readonly name: 'banshare-server' | 'banshare-client';
  readonly commands: readonly ShownCommand[];
  /** What every command takes. */
  readonly everywhere: readonly ShownOption[];
};

type Command = {
  readonly command?: string | readonly string[] | undefined;
  readonly describe?: string | false | undefined;
  readonly builder?: unknown;
  readonly inner?: readonly Command[];
};

/** What the value of an option is called where that is not the option's own name. */
const VALUES: Readonly<Record<string, string>> = {
  root: 'DIR',
  config: 'FILE',
  for: 'D',
  since: 'D',
  import: 'N',
  limit: 'N',
  reason: 'TEXT',
  note: 'TEXT',
};

/** Of banshare-server or banshare-client. Commands without a description are those of earlier versions, and are left out. */
export function programOf(name: Program['name']): Program {
  const nobody = async (): Promise<void> => undefined;
  const commands: readonly Command[] =
    name === 'banshare-server'
      ? server.serverCommands(nobody, () => undefined, [])
      : client.clientCommands(() => undefined);
  const every: Readonly<Record<string, Options>> =
    name === 'banshare-server' ? server.EVERY_OPTION : client.EVERY_OPTION;
  return {
    name,
    commands: commands.flatMap((each) => shown('', each)),
    everywhere: Object.entries(every).map(([option, its]) => optionOf(option, its)),
  };
}

/** All commands, each followed by its own. */
export function flat(commands: readonly ShownCommand[]): ShownCommand[] {
  return commands.flatMap((each) => [each, ...flat(each.inner)]);
}

function shown(before: string, { command, describe, builder, inner = [] }: Command): ShownCommand[] {
  if (describe === false || describe === undefined) return [];
  const usage = `${before}${[command ?? ''].flat()[0] ?? ''}`;
  const [name = ''] = usage.split(/ [<[]/, 1);
  const order = Array.from(usage.matchAll(/[<[](\w+)/g), ([, word = '']) => word);
  const all = Object.entries(
    typeof builder === 'object' && builder !== null ? (builder as Record<string, Options>) : {},
  ).map(([option, its]) => optionOf(option, its));
  const positionals = order.map(
    (word) => all.find((each) => each.name === word) ?? optionOf(word, { type: 'string' }),
  );
  return [
    {
      usage,
      name,
      describe,
      options: all.filter((each) => !order.includes(each.name)),
      positionals,
      inner: inner.flatMap((each) => shown(`${name} `, each)),
    },
  ];
}

function optionOf(name: string, option: Options): ShownOption {
  const { default: initial, defaultDescription = initial } = option as {
    default?: unknown;
    defaultDescription?: string;
  };
  return {
    name,
    value: option.type === 'boolean' ? '' : (VALUES[name] ?? name.toUpperCase()),
    isList: option.array === true,
    meaning: option.describe ?? '',
    choices: (option.choices ?? []).map(String),
    initial: initial === undefined || initial === false ? '' : String(defaultDescription),
  };
}

/** What an option means and takes, in one line. */
export function meaningOf({ meaning, choices }: ShownOption): string {
  const words = choices.length === 0 ? '' : `one of ${choices.join(', ')}`;
  return [meaning, words].filter((part) => part !== '').join('; ');
}

/** What `banshare-report --help` says, taken apart; no table has its options but that text. */
export function reportHelp(): {
  readonly usages: readonly string[];
  readonly options: readonly ShownOption[];
  readonly codes: readonly (readonly [code: string, means: string])[];
} {
  const text = helpText().replaceAll(/\n {10,}/g, ' ');
  const [before = '', codes = ''] = text.split('\nexit codes:\n');
  return {
    usages: [...before.matchAll(/^(?:usage:)? +banshare-report (.*)$/gm)].map(([, usage = '']) => usage),
    options: [...before.matchAll(/^ {2}(?:-(\w), )?--([\w-]+)(?: ([A-Z]+))?(?: {2,}(.*))?$/gm)].map(
      ([, short, name = '', value = '', meaning = '']) => ({
        name,
        short,
        value,
        meaning,
        isList: meaning.includes('may be given again'),
        choices: [],
        initial: '',
      }),
    ),
    codes: [...codes.matchAll(/^ +(\d+) +(.*)$/gm)].map(
      ([, code = '', means = '']) => [code, means] as const,
    ),
  };
}
