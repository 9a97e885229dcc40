import { parseAddress } from '@banshare/protocol';
import { readYoungServerNote, wallSeconds } from '@banshare/runtime';

/**
 * Finds the IP to connect to. The lookup runs in a process of its own that is killed at the deadline: Node could not end
 * while one of its own threads waits for a silent resolver.
 * @returns undefined when the name cannot be resolved in time.
 */
export async function resolveServer(
  server: string,
  cachePath: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const literal = parseAddress(server);
  if (literal.ok) return literal.value;
  return readCache(cachePath, server) ?? (await askResolver(server, timeoutMs));
}

/** What the client noted. */
function readCache(path: string, server: string): string | undefined {
  const note = readYoungServerNote(path, wallSeconds());
  const address = parseAddress(note?.servers.find(({ name }) => name === server)?.ip ?? '');
  return address.ok ? address.value : undefined;
}

async function askResolver(server: string, timeoutMs: number): Promise<string | undefined> {
  const { execFile } = await import('node:child_process');
  return new Promise((resolve) => {
    // Whole milliseconds are taken only, and none at all would mean no limit.
    const timeout = Math.max(1, Math.ceil(timeoutMs));
    const options = { timeout, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
    execFile('getent', ['ahosts', server], options, (_error, stdout) => {
      const address = parseAddress(stdout.split(/\s/, 1)[0] ?? '');
      resolve(address.ok ? address.value : undefined);
    });
  });
}
