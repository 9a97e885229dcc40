// Makes the packages of dist/: what the programs run on, the client and the server, of the same files as the installers. They hold no
// secret, so that they may lie on any web server.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readArchitectures, readReadyGeneration, refuseBadConfig } from './making/asked.ts';
import { makeDeb } from './making/packages/deb.ts';
import { makeRpm } from './making/packages/rpm.ts';
import { hasTool } from './making/packages/run-tool.ts';
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
      kinds: { type: 'string' },
      // Tests pack a small stand-in.
      runtime: { type: 'string' },
    },
  });
  const architectures = readArchitectures(asked.arch);
  const { certs, dist } = asked;
  const kinds = kindsToMake(asked.kinds);
  const fleet = readReadyGeneration(certs, dist, ['client', 'server']);
  for (const role of ['client', 'server'] as const) {
    const path = asked[`${role}-config`];
    if (path !== undefined) await refuseBadConfig(role, path);
  }
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const scratch = mkdtempSync(join(ROOT, 'build/packages-'));
  const trees = [
    ...architectures.map((architecture) => runtimeTree(dist, architecture, asked.runtime)),
    commonTree({ dist, fleet }),
    ...(['client', 'server'] as const).map((role) =>
      roleTree(role, { dist, fleet, config: asked[`${role}-config`] }),
    ),
  ];
  const made: string[] = [];
  try {
    for (const tree of trees)
      for (const kind of kinds) made.push((kind === 'deb' ? makeDeb : makeRpm)(tree, dist, scratch));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  removeOthers(dist, kinds, made);
  for (const path of made) tell(`Made ${path}`);
});

type Kind = 'deb' | 'rpm';

/** Without a word both, as far as this machine has what makes them. */
function kindsToMake(asked: string | undefined): readonly Kind[] {
  const all = (['deb', 'rpm'] as const).filter((kind) => asked?.split(' ').includes(kind) ?? true);
  if (asked !== undefined) return all;
  return all.filter((kind) => {
    const [tool, from] = kind === 'deb' ? ['dpkg-deb', 'dpkg'] : ['rpmbuild', 'rpm'];
    const isHere = hasTool(tool);
    if (!isHere) tell(`Makes no .${kind}: ${tool} is not here (apt-get install ${from})`);
    return isHere;
  });
}

/** Those of earlier generations would be brought to hosts together with these; a repository keeps them. */
function removeOthers(dist: string, kinds: readonly string[], made: readonly string[]): void {
  const ours = new RegExp(`^banshare-(runtime|common|client|server)[-_].*\\.(${kinds.join('|')})$`);
  for (const name of readdirSync(dist))
    if (ours.test(name) && !made.includes(join(dist, name))) rmSync(join(dist, name));
}
