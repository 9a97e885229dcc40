// A generation is made beside the one in certs/ and replaces it in two steps: `.next` is being written and counts
// for nothing; renamed to `.ready` it is complete, and whoever finds it there moves its files there. So a regen
// that fails leaves the previous generation whole, and one that is killed while moving is finished by the next make.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { formatFleet, parseFleet, syncDirectory, writeAtomic, type Fleet } from '@banshare/runtime';
import { readPublicKey, writeCertificate, type CurvePair } from '@banshare/transport';
import { Fault } from '../say.ts';

export type Keys = { readonly server: CurvePair; readonly join: CurvePair };

/** The generation in certs/, or undefined before the first one. */
export function findGeneration(certs: string): Fleet | undefined {
  const path = join(certs, 'fleet.toml');
  if (!existsSync(path)) return undefined;
  const fleet = parseFleet(readFileSync(path, 'utf8'));
  if (!fleet.ok)
    throw new Fault(`Cannot use "${path}": ${fleet.fault}; mend it, or remove it and run make regen`);
  return fleet.value;
}

/** The generation in certs/, whose parts fit together. */
export function readGeneration(certs: string): Fleet {
  const fleet = findGeneration(certs);
  if (fleet === undefined) throw new Fault(`Cannot find "${join(certs, 'fleet.toml')}": run make regen`);
  const key = readPublicKey(join(certs, 'server'));
  if (!key.ok) throw new Fault(`${key.fault}; run make regen`);
  if (key.value !== fleet.serverPublicKey)
    throw new Fault(
      `Cannot use "${certs}": fleet.toml and server.key are of two generations; run make regen`,
    );
  return fleet;
}

/** Puts a generation into certs/; the one that is there goes. */
export function writeGeneration(certs: string, fleet: Fleet, keys: Keys): void {
  const next = join(certs, '.next');
  try {
    prepare(certs, next, fleet, keys);
  } catch (error) {
    rmSync(next, { recursive: true, force: true });
    const fault = `Cannot make a generation in "${certs}": ${(error as Error).message}; the previous one is whole`;
    throw new Fault(fault, { cause: error });
  }
  renameSync(next, join(certs, '.ready'));
  syncDirectory(certs);
  finishGeneration(certs);
}

function prepare(certs: string, next: string, fleet: Fleet, keys: Keys): void {
  mkdirSync(certs, { recursive: true });
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { mode: 0o700 });
  const metadata = { generation: fleet.generation, created: fleet.created };
  writeCertificate(join(next, 'server'), { metadata: { name: 'server', ...metadata }, curve: keys.server });
  writeCertificate(join(next, 'join'), { metadata: { name: 'join', ...metadata }, curve: keys.join });
  writeAtomic(join(next, 'fleet.toml'), formatFleet(fleet), 0o644);
}

/** Moves a complete generation to where it belongs; harmless when there is none. */
export function finishGeneration(certs: string): void {
  const ready = join(certs, '.ready');
  if (!existsSync(ready)) return;
  for (const file of readdirSync(ready)) renameSync(join(ready, file), join(certs, file));
  rmdirSync(ready);
  syncDirectory(certs);
}
