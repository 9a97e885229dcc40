import type { Argv } from 'yargs';
import type { Command, Words } from './ask-daemon.ts';
import { asYargs, MORE } from './words-of.ts';

/** Lets a command have commands of its own, each with its own options and help. */
export function subcommands(all: readonly Command[]): (parser: Argv<object>) => Argv<Words> {
  return (parser) => {
    for (const command of all) parser.command(asYargs(command));
    return parser.epilogue(MORE) as Argv<Words>;
  };
}
