// Makes the packages of dist/: what the programs run on, the client and the server, of the same files as the installers. They hold no
// secret, so that they may lie on any web server.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readArchitectures, readReadyGeneration, refuseBadConfig } from './making/asked.ts';
import { makeDeb } from './making/packages/deb.ts';
import { commonTree, roleTree, runtimeTree } from './making/packages/tree.ts';
import { orExit, ROOT, tell } from './say.ts';

await orExit(async () => {
  const { values: asked } = parseArgs({
    options: {
      arch: { type: 'string', default: process.arch },
      'client-config': { type: 'string' },
      'server-config': { type: 'string' },
      certs: { type: 'string', default: join(ROOT, 'certs') },
      dist: { type: 'string', default: join(ROOT, 'dist') },
      // Tests pack a small stand-in.
      runtime: { type: 'string' },
    },
  });
  const architectures = readArchitectures(asked.arch);
  const { certs, dist } = asked;
  const fleet = readReadyGeneration(certs, dist, ['client', 'server']);
  for (const role of ['client', 'server'] as const) {
    const path = asked[`${role}-config`];
    if (path !== undefined) await refuseBadConfig(role, path);
  }
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const scratch = mkdtempSync(join(ROOT, 'build/packages-'));
  const made: string[] = [];
  try {
    for (const architecture of architectures)
      made.push(makeDeb(runtimeTree(dist, architecture, asked.runtime), dist, scratch));
    made.push(makeDeb(commonTree({ dist, fleet }), dist, scratch));
    for (const role of ['client', 'server'] as const)
      made.push(makeDeb(roleTree(role, { dist, fleet, config: asked[`${role}-config`] }), dist, scratch));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  for (const path of made) tell(`Made ${path}`);
});
