import { forPeople, jsonForAll, sentenceForPeople } from './for-people.ts';

/*
 * The one place where a program speaks to people, beside the daemons' log and the reporter, which has no time to load a stream. What
 * it says holds words of other hosts, of files and of daemons: they are cleaned here, so that nobody has to think of it elsewhere.
 */

/** Prints an answer on stdout, of one line or several; only for a terminal long lines are cut, since programs read it too. */
export function tell(text: string): void {
  process.stdout.write(`${process.stdout.isTTY ? forPeople(text) : forPeople(text, Infinity)}\n`);
}

/** Prints one JSON document on stdout. */
export function tellJson(value: unknown): void {
  process.stdout.write(`${jsonForAll(value)}\n`);
}

/** Says on stderr, in one line, what could not be done, or what else a person should know. */
export function complain(program: string, sentence: string): void {
  process.stderr.write(`${program}: ${sentenceForPeople(sentence)}\n`);
}

/** Draws a line on stderr over the one that was drawn before; an empty one ends it. */
export function draw(line: string): void {
  process.stderr.write(line === '' ? '\n' : `\r${sentenceForPeople(line)}`);
}

/** Asks somebody at a terminal, and returns what he types; undefined where nobody sits there. */
export async function askPerson(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
  // Loaded for a question only: each command would pay for it.
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question(`${sentenceForPeople(question)} `);
  } finally {
    terminal.close();
  }
}
