import { spawnSync } from 'node:child_process';
import { closeSync } from 'node:fs';
import { bad, good, type Result } from '@banshare/protocol';
import { asOwner, openPlain, splitWords } from '@banshare/runtime';
import { dirname } from 'node:path';

/**
 * Has the administrator's program read a backup on its standard input, without a shell. What it says goes where this command's own
 * words go, but for its standard output: a program that copies what it reads there, as tee and cat do, would write the server's keys into
 * the journal. That it ended with 0 is all that counts.
 */
export function handOver(file: string, command: string): Result<undefined> {
  const words = splitWords(command);
  if (!words.ok) return words;
  const [program = '', ...args] = words.value;
  const source = asOwner(dirname(file), () => openPlain(file));
  try {
    const { status, signal, error } = spawnSync(program, args, { stdio: [source, 'ignore', 'inherit'] });
    if (error !== undefined)
      return bad(`"${program}" cannot be started: ${(error as NodeJS.ErrnoException).code ?? error.message}`);
    if (status === 0) return good(undefined);
    return bad(`"${program}" ended with ${status === null ? String(signal) : `exit code ${status}`}`);
  } finally {
    closeSync(source);
  }
}
