// The hand-written part of each shell's completion, with what is made of the tables put into it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault, ROOT } from '../say.ts';
import type { Completed } from './words-of.ts';

/** What stands for a name between two at-signs: in a line of its own several lines, indented as that one. */
export type Fillings = Readonly<Record<string, string | readonly string[]>>;

/** A key is answered within 100 ms of its press, or offers nothing: the rest is what a shell itself takes. */
export const ASKED_SECONDS = '0.08';

/** The script of a shell with everything filled in. Throws a Fault where it names something that is not given. */
export function filledIn(shell: 'bash' | 'zsh' | 'fish', { program }: Completed, fillings: Fillings): string {
  const text = readFileSync(join(ROOT, 'installers/completion', shell), 'utf8');
  const all: Fillings = {
    ...fillings,
    PROGRAM: program,
    SECONDS: ASKED_SECONDS,
    NAME: `${shell === 'fish' ? '__' : '_'}${program.replaceAll('-', '_')}`,
  };
  return text.replace(/^( *)@([A-Z]+)@$|@([A-Z]+)@/gm, (_, indent: string, lines: string, word: string) => {
    const filling = all[lines ?? word];
    if (filling === undefined)
      throw new Fault(`Cannot fill @${lines ?? word}@ in installers/completion/${shell}`);
    if (typeof filling === 'string') return `${indent ?? ''}${filling}`;
    return filling.map((line) => `${indent ?? ''}${line}`).join('\n');
  });
}

/** The options that take a value, whatever the command. */
export function valuedOptions({ everywhere, commands }: Completed): string[] {
  const options = [...everywhere, ...commands.flatMap((each) => each.options)];
  return [...new Set(options.filter((each) => each.value !== undefined).map((each) => `--${each.name}`))];
}

/** The commands, each as all its words. */
export function commandNames({ commands }: Completed): string[] {
  // A program without commands has none that could be typed.
  const names = commands.map(({ name }) => name).filter((name) => name !== '');
  return names.length === 0 ? ['-'] : names;
}

/** A text that a POSIX shell takes as it is. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
