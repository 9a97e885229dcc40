// What the READMEs of the three programs say of options, commands and exit codes, made of the tables that the programs go by; and
// what that of the installers says of systems, made of the notes of `make systems`.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { helpText } from '../packages/report/src/help.ts';
import type { OptionTable } from '../packages/runtime/src/config/option-table.ts';
import { clientOptions, serverOptions } from '../packages/runtime/src/config/options.ts';
import {
  flat,
  meaningOf,
  programOf,
  type Program,
  type ShownCommand,
  type ShownOption,
} from './manual/command-table.ts';
import { exitCodesOf } from './manual/exit-codes.ts';
import { Fault, ROOT } from './say.ts';

const BEGIN =
  '<!-- What follows is made of the tables in the code by `make reference`: change it there, and run that. -->';
const END = '<!-- The end of what `make reference` makes. -->';

/** Each README that has a reference, by its path from the top, with the text as it should be. Throws a Fault where one has no marks for it. */
export function readmes(): { path: string; is: string; should: string }[] {
  return Object.entries({
    'packages/server': [
      commandTables(programOf('banshare-server')),
      optionTable('/etc/banshare/server.toml', serverOptions),
      exitTable('server'),
    ],
    'packages/client': [
      commandTables(programOf('banshare-client')),
      optionTable('/etc/banshare/client.toml', clientOptions),
      exitTable('client'),
    ],
    'packages/report': [`\`banshare-report --help\` prints:\n\n\`\`\`text\n${helpText()}\n\`\`\``],
    installers: [systemsTable()],
  }).map(([folder, parts]) => {
    const path = `${folder}/README.md`;
    const is = readFileSync(join(ROOT, path), 'utf8');
    return { path, is, should: replaced(is, parts.join('\n\n'), path) };
  });
}

/** The table of systems in the installers' README, of what `make systems` noted. */
function systemsTable(): string {
  const tried = JSON.parse(readFileSync(join(ROOT, 'test/systems/tried.json'), 'utf8')) as Record<
    string,
    string
  >[];
  const rows = tried.map((each) =>
    row(...['system', 'fail2ban', 'nft', 'systemd', 'on'].map((name) => each[name] ?? '')),
  );
  return tableOf(['system', 'fail2ban', 'nft', 'systemd', 'tried on'], rows);
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
function commandTables({ name, commands, everywhere }: Program): string {
  const every = everywhere.map((option) => optionRow('', option));
  const all = [...every, row('`--version`, `--help`', 'the version; what a command takes', '')];
  return [
    `Commands of \`${name}\`, and what each takes beside the options of all:`,
    tableOf(
      ['command', 'does', 'default'],
      flat(commands).flatMap((each) => commandRows(name, each)),
    ),
    'Options of all commands:',
    tableOf(['option', 'does', 'default'], all),
  ].join('\n\n');
}

function commandRows(
  program: string,
  { usage, name, describe, positionals, options }: ShownCommand,
): string[] {
  const said = positionals.filter((each) => meaningOf(each) !== '');
  return [
    row(`\`${program} ${usage}\``, describe, ''),
    ...said.map((each) => row(`\`${program} ${name} ${each.name.toUpperCase()}\``, meaningOf(each), '')),
    ...options.map((each) => optionRow(`${program} ${name} `, each)),
  ];
}

function optionRow(before: string, option: ShownOption): string {
  const word = option.value === '' ? '' : ` ${option.value}`;
  const initial = option.initial === '' ? '' : `\`${option.initial}\``;
  return row(`\`${before}--${option.name}${word}${option.isList ? '…' : ''}\``, meaningOf(option), initial);
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

function exitTable(name: 'server' | 'client'): string {
  const rows = exitCodesOf(name).map(([code, means]) => row(String(code), means));
  return `Exit codes:\n\n${tableOf(['code', 'means'], rows)}`;
}

function tableOf(head: readonly string[], rows: readonly string[]): string {
  return [row(...head), `|${'---|'.repeat(head.length)}`, ...rows].join('\n');
}

/** A cell keeps what it says: a vertical bar would end it. */
function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
