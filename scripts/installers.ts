// Makes dist/client-install.sh and dist/server-install.sh: the shell pieces of installers/setup/ as one script, behind it
// a gzip tar with what is the same for every machine, and one for each architecture with its runtime and addon. Beside it
// lies a slim one without the latter, for hosts that have this very runtime from an earlier installation.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readClientConfig, readServerConfig, writeAtomic, type Fleet } from '@banshare/runtime';
import { finishGeneration, readGeneration } from './making/generation-files.ts';
import { assemble, type Part } from './making/installer-script.ts';
import { ARCHITECTURES, type Architecture } from './making/parts.ts';
import { architecturePart, commonPart, libraryFiles, type Role } from './making/payload.ts';
import { Fault, orExit, ROOT, tell } from './say.ts';

await orExit(async () => {
  const { values: asked, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      arch: { type: 'string', default: process.arch },
      config: { type: 'string' },
      certs: { type: 'string', default: join(ROOT, 'certs') },
      dist: { type: 'string', default: join(ROOT, 'dist') },
      // Tests pack a small stand-in, since most of an installation's time is the runtime's hundred megabytes.
      runtime: { type: 'string' },
    },
  });
  const role = readRole(positionals[0]);
  const architectures = readArchitectures(asked.arch);
  finishGeneration(asked.certs);
  const fleet = readGeneration(asked.certs);
  refuseOldBuild(asked.dist, role, fleet);
  if (asked.config !== undefined) await refuseBadConfig(role, asked.config);

  const common = commonPart({ role, certs: asked.certs, dist: asked.dist, fleet, config: asked.config });
  const own = architectures.map((each) => architecturePart(each, asked.runtime));
  const runtimes = own.flatMap(({ files }) => files);
  const contents = { role, fleet, runtimes, files: common.files, shared: common.shared };
  mkdirSync(asked.dist, { recursive: true });
  const write = (name: string, parts: readonly Part[]) =>
    writeInstaller(join(asked.dist, name), assemble({ ...contents, parts }));
  const megabytes = write(`${role}-install.sh`, [common.part, ...own.map(({ part }) => part)]);
  const slim = write(`${role}-install-slim.sh`, [common.part]);
  tell(
    `Made ${role}-install.sh (${megabytes} MB, ${architectures.join(' and ')}) of generation ${fleet.generation}, ` +
      `and ${role}-install-slim.sh (${slim} MB) for where its Node runtime is installed`,
  );
  tell(
    role === 'client'
      ? 'Next: copy it to each host, run it there as root, and remove it: it holds the key to join.'
      : 'Next: copy it to the server, run it there as root, and remove it: it holds the secret key of the server.',
  );
});

/** It holds a secret: never readable by others, not even while it is being written. Returns its size in MB. */
function writeInstaller(path: string, installer: Buffer): string {
  writeAtomic(path, installer, 0o700);
  return (installer.length / 1e6).toFixed(1);
}

function readRole(text: string | undefined): Role {
  if (text === 'client' || text === 'server') return text;
  throw new Fault(
    'Usage: installers.ts client|server [--arch="x64 arm64"] [--config=FILE] [--certs=DIR] [--dist=DIR]',
  );
}

function readArchitectures(text: string): Architecture[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const found = ARCHITECTURES.filter((each) => words.includes(each));
  const unknown = words.find((word) => !ARCHITECTURES.some((each) => each === word));
  if (unknown !== undefined || found.length === 0)
    throw new Fault(`Cannot use ARCH="${text}": banshare runs on x64 and arm64, as in ARCH="x64 arm64"`);
  return found;
}

/** The bundles name their generation: those of an earlier one would never reach the server of this one. */
function refuseOldBuild(dist: string, role: Role, fleet: Fleet): void {
  const path = join(dist, 'lib/banshare', `${role}.mjs`);
  try {
    if (libraryFiles(dist, role).some((name) => holds(join(dist, 'lib/banshare', name), fleet.generation)))
      return;
  } catch (cause) {
    throw new Fault(`Cannot read ${path}: run make first`, { cause });
  }
  throw new Fault(`Cannot use ${path}: it is not of generation ${fleet.generation}; run make first`);
}

async function refuseBadConfig(role: Role, path: string): Promise<void> {
  const read = await (role === 'client' ? readClientConfig : readServerConfig)(path, { mustExist: true });
  if (!read.ok) throw new Fault(`Cannot ship CONFIG=${path}:\n  ${read.faults.join('\n  ')}`);
}

function holds(path: string, text: string): boolean {
  return readFileSync(path, 'utf8').includes(text);
}
