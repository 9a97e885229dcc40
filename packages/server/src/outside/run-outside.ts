import { becomeOwner, complain, EXIT, readServerConfig, runProgram, type HostPaths } from '@banshare/runtime';
import { dirname } from 'node:path';
import { faultsOfNotify } from './faults.ts';
import { speakToTheWorld } from './outside.ts';

const STOP_WITHIN_SECONDS = 10;

/** Runs `banshare-server outside`, which ends by a signal; the exit code is of what keeps it from starting. */
export async function runOutside(paths: HostPaths, configPath: string | undefined): Promise<number> {
  const reread = (): ReturnType<typeof readServerConfig> =>
    readServerConfig(configPath ?? paths.serverConfig, { mustExist: configPath !== undefined });
  const read = await reread();
  const faults = read.ok ? faultsOfNotify(read.config) : read.faults;
  for (const fault of faults) complain('banshare-server outside', fault);
  if (!read.ok || faults.length > 0) return EXIT.configuration;
  // What the world answers is no business of root's.
  becomeOwner(dirname(paths.said));
  if (process.geteuid?.() === 0 && paths.root === '/') {
    const how = `give ${dirname(paths.said)} to an ordinary user, as whom it then runs, or systemctl start banshare-outside`;
    complain('banshare-server outside', `Cannot run as root, who has no business with the world: ${how}`);
    return EXIT.configuration;
  }
  return runProgram({
    name: 'banshare-server outside',
    deadlineSeconds: STOP_WITHIN_SECONDS,
    start: (resources, signal) => speakToTheWorld({ config: read.config, paths, reread }, resources, signal),
  });
}
