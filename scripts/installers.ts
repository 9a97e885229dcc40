// Makes dist/client-install.sh and dist/server-install.sh: the shell pieces of installers/setup/ as one script, behind it
// a gzip tar with what is the same for every machine, and one for each architecture with its runtime and addon. Beside it
// lies a slim one without the latter, for hosts that have this very runtime from an earlier installation.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeAtomic } from '@banshare/runtime';
import { readArchitectures, readReadyGeneration, refuseBadConfig } from './making/asked.ts';
import { assemble, type Part } from './making/installer-script.ts';
import { architecturePart, commonPart, type Role } from './making/payload.ts';
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
  const fleet = readReadyGeneration(asked.certs, asked.dist, [role]);
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
