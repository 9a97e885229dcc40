import { parseDuration, parseRange, parseTarget, type Result } from '@banshare/protocol';
import { wallSeconds } from '@banshare/runtime';
import type { Argv, Options, PositionalOptions } from 'yargs';
import type { Command, Words } from './ask-daemon.ts';
import { readMoment } from '../../words/moment.ts';

/** The last line of each help. */
export const MORE = 'More: man banshare-server; by symptom, what to do: man 7 banshare';

/** The names of the words that a command line is given by their order, as in `ban <ip..>`. */
export function positionalsOf({ command }: Pick<Command, 'command'>): Set<string> {
  return new Set(Array.from(String(command).matchAll(/[<[](\w+)/g), ([, name = '']) => name));
}

/**
 * A command as yargs is given it: what is known by its order is listed as that, and is no option. yargs lists each key of a
 * builder as an option, and who reads `--ip` in the help of `ban <ip..>` writes it.
 */
export function asYargs(command: Command): Command {
  const { builder } = command;
  if (typeof builder !== 'object') return command;
  const positionals = positionalsOf(command);
  return {
    ...command,
    builder: (parser: Argv<object>) => {
      for (const [name, option] of Object.entries(builder)) {
        if (positionals.has(name)) parser.positional(name, option as PositionalOptions);
        else parser.option(name, option);
        // Left out behind its name, a value would be as if the option were not there: of all jails, for as long as ever.
        if (!positionals.has(name) && option.type !== 'boolean') parser.requiresArg(name);
      }
      parser.check((words) => repeated(words, builder, positionals) ?? true, false);
      return parser.epilogue(MORE) as Argv<Words>;
    },
  };
}

/** What is said twice and can be meant once: yargs makes a list of it, which the daemon refused by names that nobody typed. */
function repeated(
  words: Readonly<Record<string, unknown>>,
  builder: Readonly<Record<string, Options>>,
  positionals: ReadonlySet<string>,
): string | undefined {
  const name = Object.keys(builder).find(
    (each) => !positionals.has(each) && builder[each]?.array !== true && Array.isArray(words[each]),
  );
  return name === undefined ? undefined : `--${name} is there more than once, and counts once: leave one`;
}

/** Reads one word or several, which stay as they were typed: all are looked at before anything is done with one. */
function typed(parse: (text: string) => Result<unknown>): (given: string | string[]) => string | string[] {
  return (given) => {
    for (const text of [given].flat()) {
      const read = parse(text);
      if (!read.ok) throw new Error(read.fault);
    }
    return given;
  };
}

/** Why somebody does something; ask-daemon.ts sends it with each deed. */
export const REASON = { type: 'string', describe: 'why: kept in the audit log and shown by events' } as const;

/** For `coerce`: an address or range that may be banned. @throws where it is none. */
export const targetTyped = typed(parseTarget);
/** For `coerce`: an address or range. @throws where it is none. */
export const rangeTyped = typed(parseRange);
/** For `coerce`: a duration. @throws where it is none. */
export const durationTyped = typed(parseDuration);

/** For `coerce`: a duration, for so long ago, or a time. @throws where it is neither. */
export function momentTyped(text: string): string {
  if (readMoment(text, wallSeconds()) === null)
    throw new Error(`"${text}" is no time: 2h, 7d, or 2026-11-26T14:00Z`);
  return text;
}

/** For `coerce`: a number of rows. @throws where it is none. */
export function countTyped(text: string): string {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(`"${text}" is no number of rows: --limit takes one, such as 500`);
  return text;
}

/** For `coerce`: the same where no more than so many are told. @throws where it is none, or more. */
export function countUpTo(most: number): (text: string) => string {
  return (text) => {
    if (Number(countTyped(text)) <= most) return text;
    throw new Error(`--limit takes from 1 to ${most} rows here, not ${text}`);
  };
}
