import { nearestName } from './near-names.ts';

/**
 * A command as its line is written: `usage` with what is known by its order, options without dashes, those of them that take no value, and
 * commands of its own.
 */
export type CommandWords = {
  readonly usage: string;
  readonly options: readonly string[];
  readonly flags: readonly string[];
  readonly inner: readonly CommandWords[];
};

const DURATION = /^\d+[smhdw]$/;

/**
 * What is wrong with a command line, in a sentence that ends with where to read on: yargs' message, with what was probably meant.
 * @param all the program as a command, whose `options` every command takes.
 */
export function usageFault(message: string, argv: readonly string[], all: CommandWords): string {
  const at = commandAt(argv, all);
  const options = at === all ? all.options : [...at.options, ...all.options];
  const says =
    withOneDash(argv, options) ??
    ofMissing(message, at) ??
    ofChoices(message) ??
    ofUnknown(message, argv, at, at === all ? undefined : wordsOf(at), options) ??
    message;
  const help = [wordsOf(all), ...(at === all ? [] : [wordsOf(at)]), '--help'].join(' ');
  return `${says}; see ${help}`;
}

/**
 * What is wrong where an option that takes no value is given one; undefined where none is. yargs reads every word but `true` as no: who
 * wrote `--dry-run=yes` had it done.
 */
export function flagFault(argv: readonly string[], all: CommandWords): string | undefined {
  const at = commandAt(argv, all);
  const flags = [...all.flags, ...at.flags];
  const word = argv.find((each) => {
    const [, name = '', value] = /^--(?:no-)?([\w-]+)=(.*)$/s.exec(each) ?? [];
    return value !== undefined && value !== 'true' && value !== 'false' && flags.includes(withDashes(name));
  });
  return word === undefined
    ? undefined
    : `--${withDashes(nameOf(word))} takes no value: leave out what stands behind it`;
}

/** Of options as yargs is given them those that take no value. */
export function flagsIn(options: Readonly<Record<string, { readonly type?: string | undefined }>>): string[] {
  return Object.entries(options).flatMap(([name, { type }]) => (type === 'boolean' ? [name] : []));
}

/** yargs knows `--dry-run` as `--dryRun` too. */
function withDashes(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The command that a line begins with, as far as it names one. */
function commandAt(argv: readonly string[], all: CommandWords): CommandWords {
  let at = all;
  for (const word of argv) {
    const inner = at.inner.find((each) => lastWordOf(each) === word);
    if (inner !== undefined) at = inner;
    else if (!word.startsWith('-') && at !== all) break;
  }
  return at;
}

/** The words of a command without what is known by its order. */
function wordsOf({ usage }: CommandWords): string {
  return usage.replace(/ [<[].*$/s, '');
}

function lastWordOf(command: CommandWords): string {
  return wordsOf(command).split(' ').at(-1) ?? '';
}

/** What is read letter by letter, and was not meant so. */
function withOneDash(argv: readonly string[], options: readonly string[]): string | undefined {
  const word = argv.find((each) => /^-[a-z][a-z-]+(=.*)?$/.test(each) && options.includes(nameOf(each)));
  return word === undefined ? undefined : `${word} takes two dashes: --${nameOf(word)}`;
}

function nameOf(option: string): string {
  return option.replace(/^-+/, '').replace(/=.*$/s, '');
}

function ofMissing(message: string, at: CommandWords): string | undefined {
  if (message.startsWith('Not enough non-option arguments')) return `something is missing: ${at.usage}`;
  const option = /^Not enough arguments following: (.*)$/s.exec(message)?.[1];
  if (option !== undefined) return `--${option} needs a value behind it`;
  const needed = /^Missing required arguments?: (.*)$/s.exec(message)?.[1];
  return needed === undefined
    ? undefined
    : `${wordsOf(at)} needs ${needed
        .split(', ')
        .map((each) => `--${each}`)
        .join(' and ')}`;
}

function ofChoices(message: string): string | undefined {
  const [, given = '', listed] = /Given: "(.*)", Choices: (.*)$/s.exec(message) ?? [];
  if (listed === undefined) return undefined;
  const choices = Array.from(listed.matchAll(/"([^"]*)"/g), ([, choice = '']) => choice);
  return `"${given}" is none of ${choices.join(', ')}${meant(nearestName(given, choices))}`;
}

function ofUnknown(
  message: string,
  argv: readonly string[],
  at: CommandWords,
  command: string | undefined,
  options: readonly string[],
): string | undefined {
  const unknown = /^Unknown (?:argument|command)s?: (.*)$/s.exec(message)?.[1]?.split(', ');
  if (unknown === undefined) return undefined;
  const what = `there is no ${unknown.join(', ')} here`;
  const near = meantBy(unknown, namesAt(at, options)) ?? ofDuration(unknown, options);
  if (near !== undefined) return `${what}${meant(near)}`;
  const isOption = unknown.some((word) => argv.some((each) => each.startsWith('-') && nameOf(each) === word));
  return command === undefined || at.inner.length === 0 || isOption
    ? what
    : `${what}: ${command} takes ${at.inner.map(lastWordOf).join(', ')}`;
}

/** What may stand there, by how it is typed: commands before options of the same name, and before them commands of others. */
function namesAt(at: CommandWords, options: readonly string[]): Map<string, string> {
  const deeper = at.inner.flatMap(({ inner }) => inner);
  return new Map([
    ...deeper.toReversed().map((each) => [lastWordOf(each), wordsOf(each)] as const),
    ...options.map((name) => [name, `--${name}`] as const),
    ...at.inner.map((each) => [lastWordOf(each), lastWordOf(each)] as const),
  ]);
}

function meantBy(words: readonly string[], names: ReadonlyMap<string, string>): string | undefined {
  // Of two that are as near the one that counts more: `ledger jion` is join, and not --json.
  const first = [...names.keys()].toReversed();
  for (const word of words) {
    const near = nearestName(word, first);
    if (near !== undefined) return names.get(near);
  }
  return undefined;
}

/** `freeze 30m`: whoever is in a hurry leaves out the option. */
function ofDuration(words: readonly string[], options: readonly string[]): string | undefined {
  const duration = words.find((word) => DURATION.test(word));
  const option = ['for', 'since'].find((name) => options.includes(name));
  return duration === undefined || option === undefined ? undefined : `--${option} ${duration}`;
}

function meant(name: string | undefined): string {
  return name === undefined ? '' : `: did you mean ${name}?`;
}
