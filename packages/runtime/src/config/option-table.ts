import { good, quote, type Result } from '@banshare/protocol';
import { type Kind } from './kinds/kinds.ts';
import { isTable } from './kinds/is-table.ts';
import { nearestName } from '../people/near-names.ts';
import { lineOf, type Source } from './sources.ts';

/** One option of a configuration file, or one key of fleet.toml. */
export type Option<
  T,
  Unit extends 'seconds' | '' = 'seconds' | '',
  Takes extends 'reload' | 'restart' = 'reload' | 'restart',
> = {
  readonly kind: Kind<T>;
  /** As it would be written in TOML; undefined where there is nothing to write. */
  readonly default: unknown;
  /** Seconds give the field of the configuration a name that ends in `Seconds`. */
  readonly unit: Unit;
  /** One sentence; without a default it says what counts instead. */
  readonly help: string;
  /** For the sample, where there is no default to show. */
  readonly example: unknown;
  readonly required: boolean;
  /** What it takes for a change in the file to count in a daemon that runs. */
  readonly takes: Takes;
  /** Whether its value is told to nobody. */
  readonly isSecret: boolean;
};

/** Options by key, `section.name` or plain `name`. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The configuration that a table describes: `[apply] missing-jail` becomes `config.apply.missingJail`. */
export type ConfigOf<T extends OptionTable> = {
  readonly [K in keyof T & string as K extends `${string}.${string}` ? never : Field<K, T[K]>]: ValueOf<T[K]>;
} & {
  readonly [K in keyof T & string as K extends `${infer S}.${string}` ? Camel<S> : never]: Section<
    T,
    K extends `${infer S}.${string}` ? S : never
  >;
};

export type ReadOptions<T> =
  { ok: true; config: T } | { ok: false; faults: readonly string[]; code?: string };

type Section<T extends OptionTable, S extends string> = {
  readonly [K in keyof T & string as K extends `${S}.${infer N}` ? Field<N, T[K]> : never]: ValueOf<T[K]>;
};
type Field<N extends string, O> = O extends Option<unknown, 'seconds'> ? `${Camel<N>}Seconds` : Camel<N>;
type ValueOf<O> = O extends Option<infer T> ? T : never;
type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

/** The keys of options that a reload changes. */
export type LiveKey<T extends OptionTable> = {
  [K in keyof T & string]: T[K] extends { readonly takes: 'reload' } ? K : never;
}[keyof T & string];

/** The same option, which a daemon that runs takes over by a reload. */
export function live<T, Unit extends 'seconds' | ''>(
  each: Option<T, Unit, 'restart'>,
): Option<T, Unit, 'reload'> {
  return { ...each, takes: 'reload' };
}

/** The same option, whose value is told to nobody. */
export function secret<O extends Option<unknown>>(each: O): O {
  return { ...each, isSecret: true };
}

/** What most options are: they need no file, and a change needs a restart. */
const COMMON = { example: undefined, required: false, takes: 'restart', isSecret: false } as const;

/** A list of `[[name]]` tables, none by default; the sample shows one, given as its lines. */
export function tables<T>(
  kind: Kind<readonly T[]>,
  help: string,
  lines: readonly string[],
): Option<readonly T[], '', 'restart'> {
  return { ...COMMON, kind, default: [], unit: '', help, example: lines };
}

/** An option with a default, which is written as in the file. */
export function option<T>(kind: Kind<T>, initial: unknown, help: string): Option<T, '', 'restart'> {
  return { ...COMMON, kind, default: initial, unit: '', help };
}

/** An option whose value is a duration. */
export function seconds(
  kind: Kind<number>,
  initial: string,
  help: string,
): Option<number, 'seconds', 'restart'> {
  return { ...COMMON, kind, default: initial, unit: 'seconds', help };
}

/** An option that may be absent: then something outside the file decides, which the help names. */
export function optional<T>(
  kind: Kind<T>,
  example: unknown,
  help: string,
): Option<T | undefined, '', 'restart'> {
  return { ...COMMON, kind, default: undefined, unit: '', help, example };
}

/** A duration that may be absent. */
export function optionalSeconds(
  kind: Kind<number>,
  example: string,
  help: string,
): Option<number | undefined, 'seconds', 'restart'> {
  return { ...COMMON, kind, default: undefined, unit: 'seconds', help, example };
}

/** A key that the file must hold. */
export function required<T>(kind: Kind<T>, help: string): Option<T, '', 'restart'> {
  return { ...COMMON, kind, default: undefined, unit: '', help, required: true };
}

/** Reads a parsed TOML document by a table and collects every fault; `file` is named in them. */
export function readOptions<T extends OptionTable>(
  table: T,
  document: Readonly<Record<string, unknown>>,
  file: string,
): ReadOptions<ConfigOf<T>> {
  return readMerged(table, [{ file, text: '', document }]);
}

/** Reads several files by a table as if they were one: what a later one says of a key, a list or a table too, counts alone. */
export function readMerged<T extends OptionTable>(
  table: T,
  sources: readonly Source[],
): ReadOptions<ConfigOf<T>> {
  const faults: string[] = [];
  const given = new Map<string, unknown>();
  for (const source of sources) {
    const values = flatten(table, source.document, (key, fault) =>
      faults.push(`Cannot use ${quote(key)} in ${sourceOf([source], key)}: ${fault}`),
    );
    for (const [key, value] of values) given.set(key, value);
  }
  const config: Record<string, unknown> = {};
  for (const [key, each] of Object.entries(table)) {
    const value = given.has(key) ? given.get(key) : each.default;
    if (value === undefined && each.required)
      faults.push(`Cannot use ${sources[0]?.file ?? ''}: "${key}" is missing`);
    const read: Result<unknown> = value === undefined ? good(undefined) : each.kind(value);
    if (read.ok) put(config, key, each, read.value);
    else faults.push(`Cannot use "${key}" in ${sourceOf(sources, key)}: it ${read.fault}`);
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, config: config as ConfigOf<T> };
}

/** The file that sets a key, the last one that does, with the line where that can be told. */
export function sourceOf(sources: readonly Source[], key: string): string {
  const setting = sources.findLast(({ document }) => sets(document, key)) ?? sources[0];
  const line = setting === undefined ? undefined : lineOf(setting.text, key);
  return line === undefined ? (setting?.file ?? '') : `${setting?.file}, line ${line}`;
}

function sets(document: Readonly<Record<string, unknown>>, key: string): boolean {
  const dot = key.indexOf('.');
  if (dot === -1 || Object.hasOwn(document, key)) return Object.hasOwn(document, key);
  const name = key.slice(0, dot);
  const section = Object.hasOwn(document, name) ? document[name] : undefined;
  return isTable(section) && Object.hasOwn(section, key.slice(dot + 1));
}

/** The document's values by the keys of the table; unknown keys and sections go to `fail`. */
function flatten(
  table: OptionTable,
  document: Readonly<Record<string, unknown>>,
  fail: (key: string, fault: string) => void,
): Map<string, unknown> {
  const given = new Map<string, unknown>();
  const keys = Object.keys(table);
  for (const [name, value] of Object.entries(document)) {
    if (Object.hasOwn(table, name)) given.set(name, value);
    else if (!keys.some((key) => key.startsWith(`${name}.`)))
      fail(name, isTable(value) ? unknownSection(name, keys) : unknownKey(name, keys));
    else if (!isTable(value)) fail(name, `it must be a section, written [${name}]`);
    else {
      for (const [inner, item] of Object.entries(value)) {
        const key = `${name}.${inner}`;
        if (Object.hasOwn(table, key)) given.set(key, item);
        else fail(key, unknownKey(key, keys));
      }
    }
  }
  return given;
}

/** A section is looked for among the sections first: `limit` is a key of another one, and `limits` is meant. */
function unknownSection(name: string, keys: readonly string[]): string {
  const near = nearestName(name, sectionsOf(keys));
  return near === undefined ? unknownKey(name, keys) : `there is no such section; did you mean [${near}]?`;
}

function sectionsOf(keys: readonly string[]): string[] {
  return keys.filter((each) => each.includes('.')).map((each) => each.slice(0, each.indexOf('.')));
}

function unknownKey(key: string, keys: readonly string[]): string {
  const last = key.slice(key.lastIndexOf('.') + 1);
  const elsewhere = keys.find((each) => each === last || each.endsWith(`.${last}`));
  const near = elsewhere ?? nearestName(key, [...keys, ...sectionsOf(keys)]);
  return near === undefined ? 'there is no such option' : `there is no such option; did you mean "${near}"?`;
}

/** Where the value of an option stands in a configuration: in a section, or in the whole. */
export function fieldOf(
  key: string,
  { unit }: Pick<Option<unknown>, 'unit'>,
): { section?: string; name: string } {
  const dot = key.indexOf('.');
  const name = camel(key.slice(dot + 1)) + (unit === 'seconds' ? 'Seconds' : '');
  return dot === -1 ? { name } : { section: camel(key.slice(0, dot)), name };
}

function put(config: Record<string, unknown>, key: string, each: Option<unknown>, value: unknown): void {
  const { section, name } = fieldOf(key, each);
  const into = section === undefined ? config : ((config[section] ??= {}) as Record<string, unknown>);
  into[name] = value;
}

function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
