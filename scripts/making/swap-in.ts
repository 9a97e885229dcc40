import { rename, rm } from 'node:fs/promises';

/** Makes a file beside the one that it replaces and renames it there: a running program keeps the file it has. */
export async function swapIn(path: string, make: (path: string) => Promise<void>): Promise<void> {
  const next = `${path}.${process.pid}.next`;
  await rm(next, { force: true });
  await make(next);
  await rename(next, path);
  // rename(2) leaves both names of one file as they are.
  await rm(next, { force: true });
}
