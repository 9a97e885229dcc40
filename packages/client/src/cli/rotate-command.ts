import {
  type AdminReply,
  type ClientConfig,
  EXIT,
  hostPaths,
  type HostPaths,
  serveAdmin,
  type ServerEndpoint,
} from '@banshare/runtime';
import { askDaemon } from './ask-daemon.ts';
import type { Said } from './pause-commands.ts';
import { rotateHere } from '../identity/rotate.ts';

/** Longer than a resolver takes, and what is asked of the server. */
const ASK_MS = 90_000;
const CODES: Readonly<Record<string, number>> = {
  'no-server': EXIT.notNow,
  'no-key': EXIT.configuration,
};

/**
 * `rotate`: the running daemon does it, since it must go over to the new key itself; where none runs this very process does,
 * and holds the daemon's socket meanwhile, so that nobody else touches the keys.
 */
export async function rotateNow(
  root: string,
  config: ClientConfig,
  serverEndpoint: ServerEndpoint,
): Promise<Said> {
  const paths = hostPaths(root);
  const reply = await askDaemon(paths, { command: 'rotate' }, ASK_MS);
  return said(reply.ok || reply.code !== 'no-daemon' ? reply : await without(paths, config, serverEndpoint));
}

async function without(
  paths: HostPaths,
  config: ClientConfig,
  serverEndpoint: ServerEndpoint,
): Promise<AdminReply> {
  const ended = new AbortController();
  const busy = {
    ok: false,
    code: 'busy',
    reason: 'banshare-client rotate is at work here; try again',
  } as const;
  const socket = await serveAdmin({ path: paths.clientSocket, handle: () => busy, signal: ended.signal });
  if (!socket.ok) return { ok: false, code: 'socket', reason: socket.fault };
  try {
    return await rotateHere(paths, config.addresses, serverEndpoint, () => undefined);
  } finally {
    await socket.value.close();
  }
}

function said(reply: AdminReply): Said {
  if (reply.ok) return { code: EXIT.done, lines: [(reply.result as { says: string }).says] };
  return { code: CODES[reply.code] ?? EXIT.failed, lines: [`Cannot rotate: ${reply.reason}`] };
}
