import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Fault, ROOT } from '../say.ts';

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** The architecture of this machine; the Makefile has already refused the others. */
export function thisArchitecture(): Architecture {
  const found = ARCHITECTURES.find((each) => each === process.arch);
  if (found === undefined)
    throw new Fault(`Cannot build for ${process.arch}: banshare runs on x64 and arm64`);
  return found;
}

/** zeromq's addon for glibc 2.25 and later; the other builds in its package need a newer one or are older versions. */
export function addonFile(architecture: Architecture): string {
  const zeromq = dirname(createRequire(import.meta.url).resolve('zeromq/package.json'));
  return join(zeromq, `build/linux/${architecture}/node/glibc-127-Release/addon.node`);
}

/** The pinned runtime's binary; another architecture's is fetched once, and checked against the lock file. */
export function runtimeFile(architecture: Architecture): string {
  const name = `node-linux-${architecture}`;
  const installed = join(ROOT, 'node_modules', name, 'bin/node');
  return existsSync(installed) ? installed : fetchRuntime(name);
}

type Lock = { packages: Record<string, { version: string; integrity: string } | undefined> };

function fetchRuntime(name: string): string {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  const wanted = lock.packages[`node_modules/${name}`];
  if (wanted === undefined) throw new Fault(`Cannot fetch ${name}: package-lock.json does not name it`);
  const folder = join(ROOT, 'build', `${name}-${wanted.version}`);
  const binary = join(folder, 'package/bin/node');
  if (existsSync(binary)) return binary;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const npm = join(ROOT, 'build/runtime/node_modules/npm/bin/npm-cli.js');
  run(process.execPath, [npm, 'pack', `${name}@${wanted.version}`, '--pack-destination', folder, '--silent']);
  const archive = join(folder, `${name}-${wanted.version}.tgz`);
  const integrity = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (integrity !== wanted.integrity)
    throw new Fault(
      `Cannot use ${name}@${wanted.version}: its sha512 is ${integrity}, package-lock.json has ${wanted.integrity}`,
    );
  run('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  rmSync(archive);
  return binary;
}

function run(command: string, words: readonly string[]): void {
  const done = spawnSync(command, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (done.status !== 0) throw new Fault(`Cannot fetch the runtime: ${command} ${words.join(' ')} failed`);
}
