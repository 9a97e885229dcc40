import { statSync } from 'node:fs';
import { findServer, hostPaths, readClientConfig, splitWords } from '@banshare/runtime';
import { readHostKey, readSecretSections, SECRET_SUFFIX } from '@banshare/transport';

/** Everything that keeps a client from running with this configuration and these keys, at once. */
export async function readyFaults(root: string, configPath: string | undefined): Promise<string[]> {
  const paths = hostPaths(root);
  const read = await readClientConfig(configPath ?? paths.clientConfig, {
    mustExist: configPath !== undefined,
  });
  const faults = read.ok ? [] : [...read.faults];
  if (read.ok) {
    const place = findServer(read.config);
    if (!place.ok) faults.push(place.fault);
    for (const text of [read.config.apply.command, read.config.apply.unbanCommand]) {
      const words = splitWords(text);
      if (!words.ok) faults.push(`Cannot read the command "${text}": ${words.fault}`);
    }
  }
  // Without a host key the join key is needed, and that only.
  const isEnrolled = statSync(paths.keys.host + SECRET_SUFFIX, { throwIfNoEntry: false }) !== undefined;
  const key = isEnrolled ? readHostKey(paths.keys.host) : readSecretSections(paths.keys.join);
  if (!key.ok) faults.push(key.fault);
  return faults;
}
