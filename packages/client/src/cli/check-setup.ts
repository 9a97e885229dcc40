import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  findServer,
  fleetInUse,
  hostPaths,
  metricsWarning,
  readClientConfig,
  splitWords,
  tablesVersion,
  type ClientConfig,
  type HostPaths,
} from '@banshare/runtime';
import { readHostKey, readSecretSections, SECRET_SUFFIX } from '@banshare/transport';
import { STATE_FILE } from '../bans/state.ts';
import { STATE_TABLES, tooNew } from '../bans/state-schema.ts';
import { buildEnforcers } from '../host-enforcer/build.ts';
import { Notes } from '../host/echo-notes.ts';
import { diagnoseConfig } from './diagnose-config.ts';

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
  const { fault } = lookAtState(paths);
  if (fault !== undefined) faults.push(fault);
  return faults;
}

/** What keeps a client from nothing and is hardly meant, in the words of status where that says it too. */
export function setupHints(config: ClientConfig): string[] {
  const warning = metricsWarning(config.metrics.listen);
  return [...diagnoseConfig(config).map(({ says }) => says), ...(warning === undefined ? [] : [warning])];
}

/** Which version the tables of this host's state have, null where there is none yet, and up to which this program knows them. */
export type StateTables = { readonly version: number | null; readonly known: number };

/** Looks at the tables of the state, also while a client has it open, and changes nothing. */
export function lookAtState(paths: HostPaths): { tables: StateTables; fault?: string } {
  const path = join(paths.clientState, STATE_FILE);
  const told = (version: number | null): StateTables => ({ version, known: STATE_TABLES });
  try {
    const version = tablesVersion(path) ?? null;
    return version !== null && version > STATE_TABLES
      ? { tables: told(version), fault: tooNew(path, version) }
      : { tables: told(version) };
  } catch (error) {
    return {
      tables: told(null),
      fault: `Cannot look at the state "${path}": ${(error as Error).message}; look as root`,
    };
  }
}

/** Tries the programs of the kernel's sets once, as they are fed when they ban: no service has to run for that. */
async function faultsOfSets(config: ClientConfig, paths: HostPaths): Promise<string[]> {
  const host = { paths, log: { notice: () => undefined }, notes: new Notes(paths.notes) };
  const sets = buildEnforcers(config, host).filter(({ enforcer }) => enforcer.reach === 'host');
  return (await Promise.all(sets.map(({ enforcer }) => enforcer.check()))).flat();
}
