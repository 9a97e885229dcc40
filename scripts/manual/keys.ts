// The keys of the configuration files for banshare.toml(5): what each is for, takes, is by default, and when a change counts.
import { fleetKeys } from '../../packages/runtime/src/config/fleet.ts';
import type { Option, OptionTable } from '../../packages/runtime/src/config/option-table.ts';
import { clientOptions, serverOptions } from '../../packages/runtime/src/config/options.ts';
import { filled, tagged, words } from './mdoc.ts';

/** Each file with its keys, by its name. */
export const FILES: Readonly<Record<string, OptionTable>> = {
  'server.toml': serverOptions,
  'client.toml': clientOptions,
  'fleet.toml': fleetKeys,
};

/** Seconds by the unit in which they are a whole number. */
const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

/** The keys of a file as mdoc: a subsection for each section of the file and each kind of table, a tag for each key. */
export function keyLines(file: string): string[] {
  const table = FILES[file] ?? {};
  const sections = Object.groupBy(Object.keys(table), (key) => {
    if (key.includes('.')) return `[${key.slice(0, key.indexOf('.'))}]`;
    const option = table[key];
    return option !== undefined && isTables(option) ? `[[${key}]]` : '';
  });
  return Object.entries(sections).flatMap(([section, keys = []]) => [
    ...(section === '' ? [] : [`.Ss ${words(`${section} in ${file}`)}`]),
    ...tagged(keys.map((key) => [tagOf(key, table[key]), bodyOf(file, table[key])])),
  ]);
}

function tagOf(key: string, option: Option<unknown> | undefined): string {
  const name = key.slice(key.indexOf('.') + 1);
  return option !== undefined && isTables(option) ? `\`[[${name}]]\`` : `\`${name}\``;
}

function bodyOf(file: string, option: Option<unknown> | undefined): string[] {
  if (option === undefined) return [];
  return [
    ...filled(option.help),
    ...filled(takes(option)),
    ...filled(initial(option)),
    ...filled(file === 'fleet.toml' ? 'A change takes a new generation.' : counts(option)),
    ...(isTables(option) ? exampleTable(option) : []),
  ];
}

/** A list of tables shows one as its lines. */
function isTables(option: Option<unknown>): boolean {
  return option.help.startsWith('Tables of ');
}

function exampleTable({ example }: Option<unknown>): string[] {
  const lines = (example as readonly string[]).map((line) => line.replaceAll('-', '\\-'));
  return ['.Bd -literal -offset indent', ...lines, '.Ed'];
}

/** What may stand there, in the words in which a reader of the file refuses anything else. */
function takes(option: Option<unknown>): string {
  if (isTables(option)) return '';
  const bounds = option.unit === 'seconds' ? boundsOf(option) : '';
  return `It takes ${wanted(option, new Date(0))}${itemOf(option)}${bounds}.`;
}

/** A date is what no key takes. */
function wanted({ kind }: Option<unknown>, value: unknown): string {
  const read = kind(value);
  if (read.ok) throw new Error('unreachable: no key takes that');
  return read.fault
    .replace(/,? not a date$/, '')
    .replace('has a wrong item 1: it ', '')
    .replace(/^must be /, '');
}

/** What each item of a list has to be. */
function itemOf(option: Option<unknown>): string {
  if (!Array.isArray(option.default) && !Array.isArray(option.example)) return '';
  return `${Array.isArray(option.default) ? '' : ', or a list of such'}${
    Array.isArray(option.default) ? ` of which each is ${wanted(option, [new Date(0)])}` : ''
  }`;
}

function boundsOf(option: Option<unknown>): string {
  const read = option.kind(365 * 86_400 * 90);
  const [, least, most] = /from (\d+) to (\d+) seconds/.exec(read.ok ? '' : read.fault) ?? [];
  if (least === undefined) return ', or `-1` for ever';
  return `, from ${span(Number(least))} to ${span(Number(most))}`;
}

function span(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? ['s', 1];
  return `${seconds / size}${unit}`;
}

function initial(option: Option<unknown>): string {
  if (option.required) return 'It has to be there.';
  if (option.default !== undefined) return `Default: \`${JSON.stringify(option.default)}\`.`;
  return `It has no default; an example: \`${JSON.stringify(option.example)}\`.`;
}

function counts({ takes: what }: Option<unknown>): string {
  return what === 'reload' ? 'A change counts after a reload.' : 'A change counts after a restart.';
}
