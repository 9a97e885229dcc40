// Makes the packages of dist/: what the programs run on, the client and the server, of the same files as the installers. They hold no
// secret, so that they may lie on any web server.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { readArchitectures, readReadyGeneration, refuseBadConfig } from './making/asked.ts';
import { makeDeb } from './making/packages/deb.ts';
import { makeRpm } from './making/packages/rpm.ts';
import { hasTool } from './making/packages/run-tool.ts';
import { commonTree, roleTree, runtimeTree } from './making/packages/tree.ts';
import { isRuntime, otherBytes } from './making/packages/same-version.ts';
import { Fault, orExit, ROOT, tell } from './say.ts';

await orExit(async () => {
  const { values: asked } = parseArgs({
    options: {
      arch: { type: 'string', default: process.arch },
      'client-config': { type: 'string' },
      'server-config': { type: 'string' },
      certs: { type: 'string', default: join(ROOT, 'certs') },
      dist: { type: 'string', default: join(ROOT, 'dist') },
      kinds: { type: 'string' },
      revision: { type: 'string', default: '1' },
      // Tests pack a small stand-in.
      runtime: { type: 'string' },
    },
  });
  const architectures = readArchitectures(asked.arch);
  const { certs, dist } = asked;
  const kinds = kindsToMake(asked.kinds);
  const revision = readRevision(asked.revision);
  const fleet = readReadyGeneration(certs, dist, ['client', 'server']);
  for (const role of ['client', 'server'] as const) {
    const path = asked[`${role}-config`];
    if (path !== undefined) await refuseBadConfig(role, path);
  }
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const scratch = mkdtempSync(join(ROOT, 'build/packages-'));
  const trees = [
    ...architectures.map((architecture) => runtimeTree(dist, architecture, asked.runtime)),
    commonTree({ dist, fleet, revision }),
    ...(['client', 'server'] as const).map((role) =>
      roleTree(role, { dist, fleet, revision, config: asked[`${role}-config`] }),
    ),
  ];
  const made: string[] = [];
  try {
    // Beside, so that what is refused leaves dist/ as it was.
    const ready = join(scratch, 'made');
    mkdirSync(ready);
    const all = trees.flatMap((tree) =>
      kinds.map((kind) => (kind === 'deb' ? makeDeb : makeRpm)(tree, ready, scratch)),
    );
    const changed = lookBack(dist, all, revision);
    for (const path of all) {
      const target = join(dist, basename(path));
      renameSync(path, target);
      made.push(target);
    }
    removeOthers(dist, kinds, made);
    for (const path of made) tell(`Made ${path}`);
    for (const line of changed) tell(line);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});

function readRevision(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw new Fault(`Cannot make revision "${text}": it is a number from 1 on, as in make packages REVISION=2`);
}

/**
 * Says what was made of this version before with other bytes, as after a change of the code: no host that has it would ever take the new one by its
 * package tool. @throws Fault where a repository has it, so that hosts may.
 */
function lookBack(dist: string, made: readonly string[], revision: number): string[] {
  const own = made.filter((path) => !isRuntime(path));
  const next = `make packages REVISION=${revision + 1} makes a version that they take`;
  for (const folder of ['repo/apt/pool', 'repo/rpm']) {
    const [other] = otherBytes(own, join(dist, folder));
    if (other !== undefined)
      throw new Fault(
        `Cannot make ${other} once more: dist/repo has this version with other bytes, and hosts that have it would never take these. ${next}; or make regen. Nothing in ${dist} was changed`,
      );
  }
  const others = otherBytes(own, dist);
  return others.length === 0
    ? []
    : [
        `With other bytes than before under the same version: ${others.join(', ')}. Hosts that have the version already take it by dpkg -i or rpm --force, never from a repository. ${next}.`,
      ];
}

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
