// Writes the generation in certs/ as one file for a server that packages installed: `banshare-server generation add FILE` takes it in.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { formatFleet, formatGenerationFile, writePrivate } from '@banshare/runtime';
import { finishGeneration, readGeneration } from './making/generation-files.ts';
import { orExit, ROOT, tell } from './say.ts';

await orExit(() => {
  const { values: asked } = parseArgs({
    options: { file: { type: 'string' }, certs: { type: 'string', default: join(ROOT, 'certs') } },
  });
  finishGeneration(asked.certs);
  const fleet = readGeneration(asked.certs);
  const text = (name: string): string => readFileSync(join(asked.certs, name), 'utf8');
  const path = resolve(asked.file ?? join(ROOT, 'dist', `${fleet.generation}.generation`));
  mkdirSync(dirname(path), { recursive: true });
  writePrivate(
    path,
    formatGenerationFile({
      'fleet.toml': formatFleet(fleet),
      'server.key': text('server.key'),
      'server.key_secret': text('server.key_secret'),
      'join.key': text('join.key'),
    }),
  );
  tell(`Made ${path}, which holds the secret key of the server.`);
  tell(
    'Next: copy it to each server with mode 0600, run banshare-server generation add FILE there as root, and remove it.',
  );
});
