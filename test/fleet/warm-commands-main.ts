// A process of the tests that runs commands of banshare-server one after another, as WarmCommands asks: see there. Each answer is
// a line of JSON on descriptor 3, written at once, so that one gets out too where a command ends the process.
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

type Commands = { runCommand: (argv: readonly string[]) => Promise<number> };

const [, , file = ''] = process.argv;
const { runCommand } = (await import(pathToFileURL(file).href)) as Commands;
const user = process.geteuid?.();
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
process.on('disconnect', () => process.exit());
process.send?.('ready');

async function run(words: readonly string[]): Promise<void> {
  said = { stdout: '', stderr: '' };
  const code = await runCommand(words);
  // Each command listens for the end of its reader, and one may have gone on as another user.
  for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error');
  const isLast = process.geteuid?.() !== user;
  answer(code, isLast);
  if (isLast) process.exit();
}
