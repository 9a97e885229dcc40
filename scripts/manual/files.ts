// Lays the pages of the manual into a folder, from where installers and packages take them.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { swapIn } from '../making/swap-in.ts';
import { manualPages } from './pages.ts';

/** Writes every page below `dist/man`, and removes what is none any more. Throws a Fault where a page cannot be made. */
export async function layPages(dist: string): Promise<void> {
  const pages = manualPages();
  const folder = join(dist, 'man');
  for (const { path, bytes } of pages) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await swapIn(target, (beside) => writeFile(beside, bytes));
  }
  const kept = new Set(pages.map(({ path }) => path));
  for (const each of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(each.parentPath, each.name).slice(folder.length + 1);
    if (each.isFile() && !kept.has(path)) await rm(join(folder, path));
  }
}
