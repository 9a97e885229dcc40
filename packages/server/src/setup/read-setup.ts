import { asOwner, hostPaths, readServerConfig, type ServerConfig } from '@banshare/runtime';
import type { PostgresLogOptions } from '../log/postgres-log.ts';
import { readSharedLog } from './shared-log.ts';
import { readGenerations, type Generation } from './generations.ts';

export type Readiness =
  | {
      ok: true;
      config: ServerConfig;
      generations: Generation[];
      log: PostgresLogOptions | undefined;
      /** What the configuration was read from. */
      files: readonly string[];
    }
  | { ok: false; faults: readonly string[] };

/** Reads configuration and generations, and names every fault at once. */
export async function readEverything(root: string, configPath: string | undefined): Promise<Readiness> {
  const paths = hostPaths(root);
  // Root checks what another user may write, and what the server's own user has to read: see runtime's owner.ts.
  const config = await asOwner(paths.generations, () =>
    readServerConfig(configPath ?? paths.serverConfig, { mustExist: configPath !== undefined }),
  );
  const { generations, faults } = asOwner(paths.generations, () => readGenerations(paths.generations));
  const all = [...(config.ok ? [] : config.faults), ...faults];
  if (config.ok && generations.length > 1) {
    const { reportPort, publishPort } = config.config.listen;
    if (reportPort !== undefined || publishPort !== undefined) {
      all.push(
        `Cannot use [listen] ports in server.toml: ${generations.length} generations are in service, each has its own`,
      );
    }
  }
  const shared = config.ok ? readSharedLog(config.config, paths) : { log: undefined };
  if ('faults' in shared) return { ok: false, faults: [...all, ...shared.faults] };
  return config.ok && all.length === 0
    ? { ok: true, config: config.config, generations, log: shared.log, files: config.files }
    : { ok: false, faults: all };
}
