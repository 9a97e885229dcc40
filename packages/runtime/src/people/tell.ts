import { EXIT } from '../process/exit-codes.ts';
import { withIsoTimes } from './iso-times.ts';
import { folded, terminalColumns } from './folded.ts';
import { forPeople, jsonForAll, sentenceForPeople } from './for-people.ts';
import { colourOf } from './heads.ts';

/*
 * The only file by which a program speaks to people, beside the daemons' log and the reporter, which has no time to load a stream. What
 * it says holds words of other hosts, of files and of daemons: they are cleaned here, so that nobody has to think of it elsewhere.
 */

const PLAIN = '\x1b[0m';

/**
 * Lets the program end without a stack where its output goes nowhere: whoever reads only the head of a list has closed the pipe,
 * and a full disk is said in a line.
 */
export function endQuietly(program: string): void {
  process.stderr.on('error', () => process.exit(EXIT.cannotWrite));
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') complain(program, `Cannot write the answer: ${error.message}`);
    process.exit(error.code === 'EPIPE' ? process.exitCode : EXIT.cannotWrite);
  });
}

/** Prints an answer on stdout, of one line or several; only for a terminal long lines are folded, and cut, since programs read it too. */
export function tell(text: string): void {
  const { isTTY } = process.stdout;
  const cleaned = isTTY ? folded(forPeople(text), terminalColumns()) : forPeople(text, Infinity);
  process.stdout.write(`${isTTY && mayColour(process.env) ? coloured(cleaned) : cleaned}\n`);
}

/** Whether a terminal is to have colours: see no-color.org. */
function mayColour({ NO_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  return (NO_COLOR ?? '') === '' && TERM !== 'dumb';
}

function coloured(text: string): string {
  const line = (one: string): string => {
    const colour = colourOf(one);
    return colour === undefined ? one : colour + one + PLAIN;
  };
  return text.split('\n').map(line).join('\n');
}

/** Prints one JSON document on stdout, with ISO times beside the numbers. */
export function tellJson(value: unknown): void {
  process.stdout.write(`${jsonForAll(withIsoTimes(value))}\n`);
}

/** Says on stderr, in one line, what could not be done, or what else a person should know. */
export function complain(program: string, sentence: string): void {
  process.stderr.write(`${program}: ${sentenceForPeople(sentence)}\n`);
}

/**
 * Carries out a command; what the system refuses it (no right, no room, no folder) is said in a line and not as a stack, which only an
 * error that nobody expected is. Returns the exit code. @throws what is no error of the system's.
 */
export async function orSayWhy(program: string, command: () => Promise<number>): Promise<number> {
  try {
    return await command();
  } catch (error) {
    const code = systemCodeOf(error) ?? systemCodeOf((error as Error).cause);
    if (code === undefined) throw error;
    const hint = ['EACCES', 'EPERM'].includes(code) && process.geteuid?.() !== 0 ? '; run it as root' : '';
    complain(program, `${(error as Error).message}${hint}`);
    return EXIT.failed;
  }
}

function systemCodeOf(error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return typeof code === 'string' && syscall !== undefined ? code : undefined;
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
