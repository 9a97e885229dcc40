import { statSync } from 'node:fs';
import {
  findServer,
  fleetInUse,
  hostPaths,
  readClientConfig,
  splitWords,
  type ClientConfig,
  type HostPaths,
} from '@banshare/runtime';
import { readHostKey, readSecretSections, SECRET_SUFFIX } from '@banshare/transport';
import { buildEnforcers } from '../host-enforcer/build.ts';
import { Notes } from '../host/echo-notes.ts';

/** Everything that keeps a client from running with this configuration and these keys, at once. */
export async function setupFaults(root: string, configPath: string | undefined): Promise<string[]> {
  const paths = hostPaths(root);
  const read = await readClientConfig(configPath ?? paths.clientConfig, {
    mustExist: configPath !== undefined,
  });
  const faults = read.ok ? [] : [...read.faults];
  if (read.ok) {
    const serverEndpoint = findServer(read.config, fleetInUse(paths));
    if (!serverEndpoint.ok) faults.push(serverEndpoint.fault);
    const unreadable = faults.length;
    for (const text of [read.config.apply.command, read.config.apply.unbanCommand]) {
      const words = splitWords(text);
      if (!words.ok) faults.push(`Cannot read the command "${text}": ${words.fault}`);
    }
    if (faults.length === unreadable) faults.push(...(await faultsOfSets(read.config, paths)));
  }
  const isThere = (base: string): boolean =>
    statSync(base + SECRET_SUFFIX, { throwIfNoEntry: false }) !== undefined;
  // A host without either makes its key when it first runs, and waits until an operator admits that.
  const key = isThere(paths.keys.host)
    ? readHostKey(paths.keys.host)
    : isThere(paths.keys.join)
      ? readSecretSections(paths.keys.join)
      : undefined;
  if (key?.ok === false) faults.push(key.fault);
  return faults;
}

/** Tries the programs of the kernel's sets once, as they are fed when they ban: no service has to run for that. */
async function faultsOfSets(config: ClientConfig, paths: HostPaths): Promise<string[]> {
  const host = { paths, log: { notice: () => undefined }, notes: new Notes(paths.notes) };
  const sets = buildEnforcers(config, host).filter(({ enforcer }) => enforcer.reach === 'host');
  return (await Promise.all(sets.map(({ enforcer }) => enforcer.check()))).flat();
}
