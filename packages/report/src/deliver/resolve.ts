import { parseAddress } from '@banshare/protocol';
import { isServerNoteYoung, wallSeconds } from '@banshare/runtime';

/**
 * Finds the IP to connect to. The lookup runs in a process of its own that is killed at the deadline: Node could not end
 * while one of its own threads waits for a silent resolver.
 * @returns undefined when the name cannot be resolved in time.
 */
export async function resolveServer(
  server: string,
  note: Noted,
  timeoutMs: number,
): Promise<string | undefined> {
  const literal = parseAddress(server);
  if (literal.ok) return literal.value;
  return noted(note) ?? (await askResolver(server, timeoutMs));
}

/** The IP that the client noted last, and in which file. */
type Noted = { ip: () => string | undefined; path: string };

function noted({ ip, path }: Noted): string | undefined {
  const address = parseAddress(ip() ?? '');
  return address.ok && isServerNoteYoung(path, wallSeconds()) ? address.value : undefined;
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
