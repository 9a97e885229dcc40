// What the READMEs of the three programs say of options, commands and exit codes, made of the tables that the programs go by.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from 'yargs';
import * as client from '../packages/client/src/cli/commands.ts';
import { helpText } from '../packages/report/src/help.ts';
import * as server from '../packages/server/src/cli/commands.ts';
import { EXIT, EXIT_MEANS } from '../packages/runtime/src/process/exit-codes.ts';
import type { OptionTable } from '../packages/runtime/src/config/option-table.ts';
import { clientOptions, serverOptions } from '../packages/runtime/src/config/options.ts';
import { Fault, ROOT } from './say.ts';

/** What both programs' tables of commands have. */
type Command = {
  readonly command?: string | readonly string[] | undefined;
  readonly describe?: string | false | undefined;
  readonly builder?: unknown;
  readonly inner?: readonly Command[];
};

const BEGIN =
  '<!-- What follows is made of the tables in the code by `make reference`: change it there, and run that. -->';
const END = '<!-- The end of what `make reference` makes. -->';

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

/** The sources that every daemon runs, whose exit codes are its own. */
const OF_ALL_DAEMONS = ['packages/runtime/src/**/lifecycle.ts', 'packages/runtime/src/**/tell.ts'];

/** Each README that has a reference, by its path from the top, with the text as it should be. Throws a Fault where one has no marks for it. */
export function readmes(): { path: string; is: string; should: string }[] {
  const nobody = async (): Promise<void> => undefined;
  const commands = server.serverCommands(nobody, () => undefined, []);
  return Object.entries({
    server: [
      commandTables('banshare-server', commands, server.EVERY_OPTION),
      optionTable('/etc/banshare/server.toml', serverOptions),
      exitTable('server'),
    ],
    client: [
      commandTables(
        'banshare-client',
        client.clientCommands(() => undefined),
        client.EVERY_OPTION,
      ),
      optionTable('/etc/banshare/client.toml', clientOptions),
      exitTable('client'),
    ],
    report: [`\`banshare-report --help\` prints:\n\n\`\`\`text\n${helpText()}\n\`\`\``],
  }).map(([name, parts]) => {
    const path = `packages/${name}/README.md`;
    const is = readFileSync(join(ROOT, path), 'utf8');
    return { path, is, should: replaced(is, parts.join('\n\n'), path) };
  });
}

/** The text with its reference between the two markers. */
function replaced(text: string, reference: string, path: string): string {
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (before === -1 || after < before)
    throw new Fault(
      `Cannot write the reference into ${path}: it has to have these two lines\n${BEGIN}\n${END}`,
    );
  return `${text.slice(0, before)}${BEGIN}\n\n${reference}\n\n${text.slice(after)}`;
}

/** A row for each command, one below it for each of its options and words, and a table of what all of them take. */
function commandTables(
  program: string,
  commands: readonly Command[],
  common: Readonly<Record<string, Options>>,
): string {
  const every = Object.entries(common).map(([name, option]) => optionRow('', name, option));
  const all = [...every, row('`--version`, `--help`', 'the version; what a command takes', '')];
  return [
    `Commands of \`${program}\`, and what each takes beside the options of all:`,
    tableOf(
      ['command', 'does', 'default'],
      commands.flatMap((each) => commandRows(program, each)),
    ),
    'Options of all commands:',
    tableOf(['option', 'does', 'default'], all),
  ].join('\n\n');
}

function commandRows(name: string, { command, describe, builder, inner = [] }: Command): string[] {
  // A command without a description is one of earlier versions, which help does not list either.
  if (describe === false || describe === undefined) return [];
  const words = `${name} ${[command ?? ''].flat()[0] ?? ''}`;
  const [bare = ''] = words.split(/ [<[]/, 1);
  const positionals = new Set(Array.from(words.matchAll(/[<[](\w+)/g), ([, name = '']) => name));
  const options = Object.entries(typeof builder === 'object' ? (builder as Record<string, Options>) : {});
  return [
    row(`\`${words}\``, describe, ''),
    ...options.flatMap(([key, option]) => {
      if (!positionals.has(key)) return [optionRow(`${bare} `, key, option)];
      const meaning = meaningOf(option);
      return meaning === '' ? [] : [row(`\`${bare} ${key.toUpperCase()}\``, meaning, '')];
    }),
    ...inner.flatMap((each) => commandRows(bare, each)),
  ];
}

function optionRow(before: string, name: string, option: Options): string {
  const word = option.type === 'boolean' ? '' : ` ${VALUES[name] ?? name.toUpperCase()}`;
  const { default: initial, defaultDescription = initial } = option as {
    default?: unknown;
    defaultDescription?: string;
  };
  const shown = initial === undefined || initial === false ? '' : `\`${String(defaultDescription)}\``;
  return row(`\`${before}--${name}${word}${option.array === true ? '…' : ''}\``, meaningOf(option), shown);
}

function meaningOf({ describe = '', choices }: Options): string {
  const words = choices === undefined ? '' : `one of ${choices.join(', ')}`;
  return [describe, words].filter((part) => part !== '').join('; ');
}

function optionTable(file: string, options: OptionTable): string {
  const rows = Object.entries(options).map(([key, option]) => {
    const dot = key.indexOf('.');
    const name = dot === -1 ? key : `[${key.slice(0, dot)}] ${key.slice(dot + 1)}`;
    const initial = option.default === undefined ? '' : `\`${JSON.stringify(option.default)}\``;
    return row(`\`${name}\``, option.help, initial, option.takes);
  });
  return `Keys of \`${file}\`:\n\n${tableOf(['key', 'meaning', 'default', 'takes'], rows)}`;
}

/** The exit codes that the sources of a daemon name, and those of what every daemon is made of. */
function exitTable(name: string): string {
  const files = [`packages/${name}/src/**/*.ts`, ...OF_ALL_DAEMONS].flatMap((each) =>
    globSync(each, { cwd: ROOT }),
  );
  const text = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
  const rows = Object.entries(EXIT).flatMap(([code, number]) =>
    new RegExp(`\\bEXIT\\.${code}\\b`).test(text)
      ? [row(String(number), EXIT_MEANS[code as keyof typeof EXIT])]
      : [],
  );
  return `Exit codes:\n\n${tableOf(['code', 'means'], rows)}`;
}

function tableOf(head: readonly string[], rows: readonly string[]): string {
  return [row(...head), `|${'---|'.repeat(head.length)}`, ...rows].join('\n');
}

/** A cell keeps what it says: a vertical bar would end it. */
function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
