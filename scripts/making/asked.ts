// What installers and packages are asked for, and made of.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readClientConfig, readServerConfig, type Fleet } from '@banshare/runtime';
import { Fault } from '../say.ts';
import { finishGeneration, readGeneration } from './generation-files.ts';
import { ARCHITECTURES, type Architecture } from './parts.ts';
import { libraryFiles, type Role } from './payload.ts';

/** The generation in certs/, of which the programs in dist/ are. @throws Fault where they are not. */
export function readReadyGeneration(certs: string, dist: string, roles: readonly Role[]): Fleet {
  finishGeneration(certs);
  const fleet = readGeneration(certs);
  for (const role of roles) refuseOldBuild(dist, role, fleet);
  return fleet;
}

/** Reads ARCH=, one or several names. @throws Fault for one that banshare does not run on. */
export function readArchitectures(text: string): Architecture[] {
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

/** @throws Fault where a configuration that shall be shipped has a fault. */
export async function refuseBadConfig(role: Role, path: string): Promise<void> {
  const read = await (role === 'client' ? readClientConfig : readServerConfig)(path, { mustExist: true });
  if (!read.ok) throw new Fault(`Cannot ship CONFIG=${path}:\n  ${read.faults.join('\n  ')}`);
}

function holds(path: string, text: string): boolean {
  return readFileSync(path, 'utf8').includes(text);
}
