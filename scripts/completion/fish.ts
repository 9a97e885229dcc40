// Completion for fish, with what each word means.
import { commandNames, filledIn, valuedOptions } from './template.ts';
import type { Completed, CompletedCommand, Offer, Option } from './words-of.ts';

/** So many words stand behind no command. */
const MANY = 999;

/** The script for a program, `PROGRAM.fish`. */
export function fishScript(completed: Completed): string {
  const { program, everywhere, commands } = completed;
  const complete = `complete -c ${program}`;
  return filledIn('fish', completed, {
    VALUED: valuedOptions(completed).map(quoted).join(' '),
    COMMANDS: commandNames(completed).map(quoted).join(' '),
    LINES: [
      ...everywhere.map((each) => `${complete} ${optionWords(each)}`),
      ...commands.flatMap((each) =>
        linesOf(each, `__${program.replaceAll('-', '_')}_at`).map((line) => `${complete} ${line}`),
      ),
    ],
  });
}

function linesOf({ name, next, options, positionals }: CompletedCommand, isAt: string): string[] {
  const at = (from: number, to: number): string => `-n ${quoted(`${isAt} "${name}" ${from} ${to}`)}`;
  return [
    ...next.map(({ word, meaning }) => `${at(0, 0)} -a ${quoted(word)} -d ${quoted(meaning)}`),
    ...options.map((each) => `${at(0, MANY)} ${optionWords(each)}`),
    ...positionals.flatMap(({ offer, isList }, index) =>
      offer.kind === 'any' ? [] : [`${at(index, isList ? MANY : index)} ${offerWords(offer)}`],
    ),
  ];
}

function optionWords({ name, meaning, value }: Option): string {
  const taken = value === undefined ? '' : ` ${offerWords(value)}`;
  return `-l ${name}${taken} -d ${quoted(meaning)}`;
}

function offerWords(offer: Offer): string {
  if (offer.kind === 'words') return `-x -a ${quoted(offer.words.join(' '))}`;
  if (offer.kind === 'ask') return `-x -a ${quoted(`(__banshare_server_ask ${offer.of})`)}`;
  if (offer.kind === 'file') return '-r -F';
  return offer.kind === 'folder'
    ? `-x -a ${quoted('(__fish_complete_directories (commandline -ct))')}`
    : '-x';
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
