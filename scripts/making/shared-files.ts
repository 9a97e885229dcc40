// Lays the pages of the manual into dist/man and completion into dist/completion, to be looked at and tried.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sharedFiles } from './payload.ts';
import { swapIn } from './swap-in.ts';

const [MANUAL, COMPLETION] = ['man', 'completion'] as const;

/** Writes each shared file below `dist`, and removes what is none any more. Throws a Fault where one cannot be made. */
export async function layShared(dist: string): Promise<void> {
  const files = sharedFiles().map(({ path, bytes }) => ({
    path: path.startsWith(`${MANUAL}/`) ? path : `${COMPLETION}/${path}`,
    bytes,
  }));
  for (const { path, bytes } of files) {
    const target = join(dist, path);
    await mkdir(dirname(target), { recursive: true });
    await swapIn(target, (beside) => writeFile(beside, bytes));
  }
  const kept = new Set(files.map(({ path }) => join(dist, path)));
  for (const folder of [MANUAL, COMPLETION])
    for (const each of await readdir(join(dist, folder), { recursive: true, withFileTypes: true })) {
      const path = join(each.parentPath, each.name);
      if (each.isFile() && !kept.has(path)) await rm(path);
    }
}
