import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseFleet, type Fleet } from '@banshare/runtime';
import { readPublicKey, readSecretSections, type CurvePair } from '@banshare/transport';

/** A generation in service: its ports and keys. Hosts enrol over the join key, whose secret half travels in installers. */
export type Generation = { name: string; fleet: Fleet; curve: CurvePair; joinKey: string };

/** Reads every generation below a directory, oldest first; all faults at once. */
export function readGenerations(directory: string): { generations: Generation[]; faults: string[] } {
  const generations: Generation[] = [];
  const faults: string[] = [];
  for (const name of listNames(directory, faults)) {
    const read = readGeneration(join(directory, name), name);
    if ('faults' in read) faults.push(...read.faults);
    else generations.push(read);
  }
  if (generations.length === 0 && faults.length === 0) {
    faults.push(
      `Cannot serve: no generation in "${directory}"; add one with banshare-server generation add FILE, or run the server installer`,
    );
  }
  return { generations, faults };
}

function listNames(directory: string, faults: string[]): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    // What an installer is still unpacking begins with a dot.
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      faults.push(`Cannot read the generations in "${directory}": ${(error as Error).message}`);
    }
    return [];
  }
}

/** Reads the generation in a folder, or says all that is wrong with it. */
export function readGeneration(path: string, name: string): Generation | { faults: string[] } {
  const faults: string[] = [];
  const fleet = readFleet(join(path, 'fleet.toml'));
  if (!fleet.ok) faults.push(fleet.fault);
  const server = readSecretSections(join(path, 'server'));
  if (!server.ok) faults.push(server.fault);
  const join_ = readPublicKey(join(path, 'join'));
  if (!join_.ok) faults.push(join_.fault);
  if (!fleet.ok || !server.ok || !join_.ok) return { faults };
  if (fleet.value.serverPublicKey !== server.value.curve.publicKey) {
    return {
      faults: [`Cannot use the generation "${path}": server.key is not the key that its fleet.toml names`],
    };
  }
  return { name, fleet: fleet.value, curve: server.value.curve, joinKey: join_.value };
}

function readFleet(path: string): ReturnType<typeof parseFleet> {
  try {
    const fleet = parseFleet(readFileSync(path, 'utf8'));
    return fleet.ok ? fleet : { ok: false, fault: `Cannot use "${path}": ${fleet.fault}` };
  } catch (error) {
    return { ok: false, fault: `Cannot read "${path}": ${(error as Error).message}` };
  }
}
