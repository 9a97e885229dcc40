import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Fault } from '../../say.ts';

/**
 * Runs a program of Debian's to its end and returns what it said on its standard output.
 * @throws Fault with what it said where it fails, or naming the package that has it where it is not here.
 */
export function runTool(
  command: string,
  debianPackage: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input?: Uint8Array,
): string {
  const done = spawnSync(command, words, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...env },
    maxBuffer: 1 << 28,
    ...(input === undefined ? {} : { input }),
  });
  if (done.error !== undefined && 'code' in done.error && done.error.code === 'ENOENT')
    throw new Fault(`Cannot find ${command}: apt-get install ${debianPackage}`);
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0)
    throw new Fault(`Cannot go on: ${command} ended with ${done.status}: ${done.stderr}${done.stdout}`);
  return done.stdout;
}

/** Whether a program is in the path. */
export function hasTool(command: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(`${folder}/${command}`));
}
