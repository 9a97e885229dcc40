// What completion offers for each word of a command line: made of the tables of commands, with what the daemon is asked where only it
// knows the words.
import { WORDS_OF, type WordsOf } from '../../packages/server/src/words/completion.ts';
import { flat, programOf, reportHelp, type ShownOption } from '../manual/command-table.ts';
import { Fault } from '../say.ts';

/** What may stand there. `any` is free text: nothing is offered. */
export type Offer =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'ask'; readonly of: WordsOf }
  | { readonly kind: 'file' | 'folder' | 'any' };

export type Option = {
  readonly name: string;
  readonly meaning: string;
  /** Undefined where it takes no value. */
  readonly value: Offer | undefined;
  readonly isList: boolean;
};

/** A command by its words, '' being none yet; `next` are the words that lead on to others, `positionals` what each word behind it may be. */
export type CompletedCommand = {
  readonly name: string;
  readonly next: readonly { readonly word: string; readonly meaning: string }[];
  readonly options: readonly Option[];
  readonly positionals: readonly { readonly offer: Offer; readonly isList: boolean }[];
};

export type Completed = {
  readonly program: string;
  readonly everywhere: readonly Option[];
  readonly commands: readonly CompletedCommand[];
};

/** Words that only the daemon knows, by `COMMAND WORD`, `COMMAND --OPTION` or, for every command, the last part alone. */
const ASKED: Readonly<Record<string, WordsOf>> = {
  '--host': 'hosts',
  '--jail': 'jails',
  '--ip': 'bans',
  'hosts revoke --token': 'tokens',
  'token revoke id': 'tokens',
  'hosts approve name': 'waiting',
  'hosts disapprove name': 'hosts',
  'hosts revoke name': 'hosts',
  'hosts forget name': 'hosts',
  'hosts mute name': 'hosts',
  'hosts unmute name': 'hosts',
  'bans ip': 'bans',
  'explain ip': 'bans',
  'unban ip': 'bans',
  'never-ban remove range': 'never-ban',
  'retire generation': 'generations',
};

/** Files and folders, by what their values are called. */
const FILES: Readonly<Record<string, 'file' | 'folder'>> = {
  root: 'folder',
  config: 'file',
  file: 'file',
  follow: 'file',
  'password-file': 'file',
};

/** What detects, as banshare-report is told it. */
const DETECTORS = ['fail2ban', 'psad'];

/** The program by whose name its completion goes. Throws a Fault where an option takes a value with one command and none with another. */
export function completedOf(program: 'banshare-server' | 'banshare-client' | 'banshare-report'): Completed {
  const completed = program === 'banshare-report' ? report() : daemonOf(program);
  const takes = new Map<string, boolean>();
  for (const { name, value } of [
    ...completed.everywhere,
    ...completed.commands.flatMap((each) => each.options),
  ]) {
    if ((takes.get(name) ?? value !== undefined) !== (value !== undefined))
      throw new Fault(
        `Cannot complete --${name} of ${program}: it takes a value with one command and none with another`,
      );
    takes.set(name, value !== undefined);
  }
  return completed;
}

function daemonOf(program: 'banshare-server' | 'banshare-client'): Completed {
  const { commands, everywhere } = programOf(program);
  const next = (inner: typeof commands, before: string): CompletedCommand['next'] =>
    inner.map(({ name, describe }) => ({ word: name.slice(before.length).trim(), meaning: describe }));
  return {
    program,
    everywhere: [...everywhere.map((each) => optionOf('', each)), ...OF_ALL],
    commands: [
      { name: '', next: next(commands, ''), options: [], positionals: [] },
      ...flat(commands).map(({ name, usage, inner, options, positionals }) => ({
        name,
        next: next(inner, name),
        options: options.map((each) => optionOf(name, each)),
        positionals: positionals.map((each) => ({
          offer: offerOf(name, each.name, each),
          isList: each.isList || usage.includes(`${each.name}..`),
        })),
      })),
    ],
  };
}

function report(): Completed {
  const [detector, any] = [{ kind: 'words', words: DETECTORS } as const, { kind: 'any' } as const];
  return {
    program: 'banshare-report',
    everywhere: [...reportHelp().options.map((each) => optionOf('report', each)), ...OF_ALL],
    commands: [
      {
        name: '',
        next: [],
        options: [],
        positionals: [detector, any, any].map((offer) => ({ offer, isList: false })),
      },
    ],
  };
}

const OF_ALL: readonly Option[] = [
  { name: 'version', meaning: 'the version', value: undefined, isList: false },
  { name: 'help', meaning: 'what a command takes', value: undefined, isList: false },
];

function optionOf(command: string, option: ShownOption): Option {
  const { name, meaning, isList } = option;
  const value = option.value === '' ? undefined : offerOf(command, `--${name}`, option);
  return { name, meaning, value, isList };
}

function offerOf(command: string, word: string, { name, choices }: ShownOption): Offer {
  if (choices.length > 0) return { kind: 'words', words: choices };
  // The reporter's jails are fail2ban's, and the server is on another machine.
  const of = command === 'report' ? undefined : (ASKED[`${command} ${word}`] ?? ASKED[word]);
  if (of !== undefined && WORDS_OF.includes(of)) return { kind: 'ask', of };
  return { kind: FILES[name] ?? 'any' };
}
