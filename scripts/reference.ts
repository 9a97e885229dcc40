// Writes the reference of options, commands and exit codes into the READMEs of server, client and report, and the pages of the manual
// and completion into dist/man and dist/completion.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layShared } from './making/shared-files.ts';
import { readmes } from './reference-text.ts';
import { orExit, ROOT, tell } from './say.ts';

await orExit(async () => {
  for (const { path, is, should } of readmes()) {
    if (is === should) continue;
    writeFileSync(join(ROOT, path), should);
    tell(`Wrote the reference of ${path}`);
  }
  // Behind those: the pages take some of their sections.
  await layShared(join(ROOT, 'dist'));
});
