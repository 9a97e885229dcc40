import { hostname } from 'node:os';
import { parseHostName } from '@banshare/protocol';
import { EXIT, hostPaths, type ClientConfig } from '@banshare/runtime';
import { setCloneAside } from '../identity/clone.ts';
import { ownHostKey } from '../identity/host-key.ts';
import type { Said } from './pause-commands.ts';

/** The line that `hosts admit` reads, and the same for JSON. */
type ShownKey = Said & { shown?: { name: string; key: string } };

/** `key`: this host's public key, which is made where there is none: a package asks no server for that. */
export async function showKey(root: string, config: Pick<ClientConfig, 'name'>): Promise<ShownKey> {
  const paths = hostPaths(root);
  try {
    setCloneAside(paths);
    const key = await ownHostKey(paths);
    if (!key.ok) return { code: EXIT.configuration, lines: [key.fault] };
    const name = parseHostName(key.value.name ?? config.name ?? hostname());
    if (!name.ok) return { code: EXIT.configuration, lines: [`${name.fault}; set name in client.toml`] };
    const shown = { name: name.value, key: key.value.publicHex };
    return { code: EXIT.done, lines: [`${shown.name} ${shown.key}`], shown };
  } catch (error) {
    const fault = `Cannot read or make the key of this host: ${(error as Error).message}; run it as root`;
    return { code: EXIT.failed, lines: [fault] };
  }
}
