import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, PROGRAMS, type Program } from './bundle.ts';
import { addonFile, thisArchitecture } from './parts.ts';
import { swapIn } from './swap-in.ts';
import { ROOT } from '../say.ts';

/** The commands of banshare-server by themselves, which tests run in a process that is there already. */
const COMMANDS: Program = {
  name: 'server',
  entry: 'packages/server/src/cli/commands.ts',
  bundle: 'commands.mjs',
  format: 'esm',
  flags: '',
};

/**
 * Bundles the three programs as they stand in the sources, with no fleet in them, and gives their folder. Tests start thousands of
 * processes, and one that reads its sources costs twice the processor time. Throws a Fault where a program cannot be built.
 */
export async function bundleForTests(): Promise<string> {
  const folder = join(ROOT, 'build/programs');
  await mkdir(folder, { recursive: true });
  const kept = new Set(['zeromq.node']);
  await swapIn(join(folder, 'zeromq.node'), (path) => copyFile(addonFile(thisArchitecture()), path));
  for (const program of [...PROGRAMS, COMMANDS])
    for (const { name, text } of (await bundle(program, {})).files) {
      await swapIn(join(folder, name), (path) => writeFile(path, text));
      kept.add(name);
    }
  for (const name of await readdir(folder))
    if (!kept.has(name)) await rm(join(folder, name), { force: true });
  return folder;
}
