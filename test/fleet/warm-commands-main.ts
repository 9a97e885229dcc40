// A process of the tests that runs commands of banshare-server one after another, as WarmCommands asks: see there. Each answer is
// a line of JSON on descriptor 3, written at once, so that one gets out too where a command ends the process.
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

type Commands = { runCommand: (argv: readonly string[]) => Promise<number> };

const [, , file = ''] = process.argv;
const { runCommand } = (await import(pathToFileURL(file).href)) as Commands;
const user = process.geteuid?.();
const exit = process.exit.bind(process);

/** What ends a command that is misused; its own process it would end. */
class Ended extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the command ended with ${code}`);
    this.code = code;
  }
}

// The next command need not wait for another process: nothing of this one goes on behind what is thrown.
process.exit = (code): never => {
  throw new Ended(Number(code ?? process.exitCode ?? 0));
};

let said: { stdout: string; stderr: string } | undefined;
for (const name of ['stdout', 'stderr'] as const)
  process[name].write = (text: string | Uint8Array): boolean => {
    if (said !== undefined) said[name] += String(text);
    return true;
  };

function answer(code: number, isLast: boolean): void {
  if (said === undefined) return;
  writeSync(3, `${JSON.stringify({ code, ...said, isLast })}\n`);
  said = undefined;
}

process.on('exit', (code) => answer(code, true));
process.on('message', (words: string[]) => void run(words));
process.on('disconnect', () => exit());
process.send?.('ready');

async function run(words: readonly string[]): Promise<void> {
  said = { stdout: '', stderr: '' };
  const code = await codeOf(words);
  // Each command listens for the end of its reader, and one may have gone on as another user.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  const isLast = process.geteuid?.() !== user;
  answer(code, isLast);
  if (isLast) exit();
}

async function codeOf(words: readonly string[]): Promise<number> {
  try {
    return await runCommand(words);
  } catch (error) {
    if (error instanceof Ended) return error.code;
    throw error;
  }
}
