import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';
import { startLab } from './lab.ts';
import { untilLocked } from './lock.ts';
import { serverAddress } from './network.ts';
import { cleanEnvironment } from './running.ts';

const repository = join(import.meta.dirname, '../../..');
const kept = join(repository, 'build/lab');

/** What the two installers carry, the generation they are of, and layers with what they leave on a host. */
export type Installed = {
  certs: string;
  clientInstaller: string;
  serverInstaller: string;
  layers: { client: string; server: string };
};

/**
 * Builds programs and installers of a generation made for the lab, runs the real installers once in a host each, and
 * keeps what they left as layers, from which any number of hosts start at once. Kept until a source file changes.
 */
export async function installed(): Promise<Installed> {
  const folder = join(kept, sourcesHash());
  if (!exists(folder)) {
    mkdirSync(kept, { recursive: true });
    // Several test files begin at once: one makes it, at the cost of half a minute of a processor, and the others wait.
    await using _lock = await untilLocked(`${kept}.lock`);
    if (!exists(folder)) {
      removeOld();
      const next = `${folder}.${process.pid}`;
      await make(next);
      renameSync(next, folder);
    }
  }
  utimesSync(folder, new Date(), new Date());
  return {
    certs: join(folder, 'certs'),
    clientInstaller: join(folder, 'dist/client-install.sh'),
    serverInstaller: join(folder, 'dist/server-install.sh'),
    layers: { client: join(folder, 'client'), server: join(folder, 'server') },
  };
}

/** Makes programs and an installer of the generation in `certs`. */
export function makeInstaller(role: 'client' | 'server', certs: string, dist: string): void {
  script('build', `--certs=${certs}`, `--dist=${dist}`);
  script('installers', role, `--certs=${certs}`, `--dist=${dist}`);
}

/** Makes the installer of a role from the programs in `dist` as they are, without a runtime, and returns its path. */
export function makeSlimInstaller(role: 'client' | 'server', certs: string, dist: string): string {
  script('installers', role, `--certs=${certs}`, `--dist=${dist}`);
  return join(dist, `${role}-install-slim.sh`);
}

/** Makes a new generation in `certs` for a server at the lab's server address. */
export function makeGeneration(certs: string): void {
  mkdirSync(certs, { recursive: true, mode: 0o700 });
  script('regen', `--server=${serverAddress}`, `--certs=${certs}`);
}

async function make(folder: string): Promise<void> {
  const [certs, dist] = [join(folder, 'certs'), join(folder, 'dist')];
  makeGeneration(certs);
  makeInstaller('client', certs, dist);
  script('installers', 'server', `--certs=${certs}`, `--dist=${dist}`);
  await using lab = await startLab({ hosts: ['client', 'server'] });
  // A client enrols when it first runs; a server is complete without being started.
  await lab.host('client').output(['sh', join(dist, 'client-install.sh'), '--no-start']);
  await lab.host('server').output(['sh', join(dist, 'server-install.sh')]);
  for (const host of lab.hosts) await keepLayer(host, join(folder, host.name));
}

/** Copies what a host has changed, with overlay's marks of what was removed. */
async function keepLayer(host: Host, folder: string): Promise<void> {
  mkdirSync(folder);
  for (const top of ['etc', 'usr', 'var']) {
    run('cp', ['-a', host.outside(`/run/lab/${top}/upper`), join(folder, top)]);
  }
}

function script(name: string, ...words: readonly string[]): void {
  run(process.execPath, [join(repository, 'scripts', `${name}.ts`), ...words]);
}

function run(program: string, words: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, words, { env: cleanEnvironment, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`"${program} ${words.join(' ')}" ended with ${status}:\n${stdout}\n${stderr}`);
}

/** A name for the state of everything that programs and installers are made from. */
function sourcesHash(): string {
  const hash = createHash('sha256');
  const packages = readdirSync(join(repository, 'packages')).map((name) => `packages/${name}/src`);
  const lab = ['init.sh', 'installed.ts', 'network.ts'].map((name) => `test/lab/ground/${name}`);
  for (const path of [...packages, ...lab, 'scripts', 'installers', 'package-lock.json']) {
    for (const file of filesBelow(join(repository, path))) hash.update(file).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

function filesBelow(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const inside = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return inside.map((entry) => join(entry.parentPath, entry.name)).toSorted();
}

/** Earlier ones are half a gigabyte each; a lab that is still running may stand on one that was used just now. */
function removeOld(): void {
  if (!exists(kept)) return;
  for (const path of readdirSync(kept).map((name) => join(kept, name))) {
    const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > 300_000) rmSync(path, { recursive: true, force: true });
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
