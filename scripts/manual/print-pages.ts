// print-pages.ts DIR: the pages of the manual as they are before gzip, for mandoc to look at.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { orExit, Fault } from '../say.ts';
import { manualPages } from './pages.ts';

await orExit(async () => {
  const folder = process.argv[2];
  if (folder === undefined) throw new Fault('Usage: print-pages.ts DIR');
  for (const { name, text } of manualPages()) writeFileSync(join(folder, name), text);
});
