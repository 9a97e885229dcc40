import { closeSync, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** What an operator's command asks of a daemon: one line of JSON; `by` is who is said to ask. */
export type AdminRequest = {
  readonly command: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly by?: string;
};

/** The same as a daemon is given it: checked, and complete but for who asks, which need not be said. */
export type AskedRequest = Required<Pick<AdminRequest, 'command' | 'args'>> & { readonly by?: string };

/** What the daemon answers: one line of JSON. */
export type AdminReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly reason: string };

/** The kernel's limit is 107 bytes; the random ends of libuv's own checks make a few fewer prudent. */
const LONGEST_SOCKET_PATH = 100;

/**
 * A name for a socket that fits the kernel's limit: below a deep `--root` the way goes through an open directory.
 * `release` only after the socket is closed, since closing removes it by this name.
 */
export function shortSocketPath(path: string): { path: string; release: () => void } {
  if (Buffer.byteLength(path) <= LONGEST_SOCKET_PATH) return { path, release: () => {} };
  const directory = openSync(dirname(path), 'r');
  let open = true;
  return {
    path: `/proc/self/fd/${directory}/${basename(path)}`,
    release: () => {
      if (open) closeSync(directory);
      open = false;
    },
  };
}
