import { tell } from './tell.ts';

/** What is needed of a parser of yargs. */
export type WordParser = {
  parseAsync: (
    words: readonly string[],
    context: object,
    said: (error: unknown, parsed: unknown, output: string) => void,
  ) => Promise<unknown>;
};

/**
 * Has yargs carry out a command line. What it has to say itself, help and version, is printed as every other answer is: its own
 * way ends the program with 0 before a full disk is noticed.
 */
export async function parseWords(parser: WordParser, words: readonly string[]): Promise<void> {
  await parser.parseAsync(words, {}, (_error, _parsed, output) => {
    if (output !== '') tell(output);
  });
}
