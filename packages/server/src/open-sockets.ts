import { serveAdmin, type AskedRequest, StartFault, type Resources } from '@banshare/runtime';
import type { ACTIONS } from './operator/actions.ts';
import { answerAdmin, type AdminParts } from './operator/admin.ts';
import type { Door } from './operator/allowed.ts';

/** Lists of half a million bans take a lot of memory, and whoever is not root shall not fill it. */
const AT_ONCE = 4;

/**
 * Opens the daemon's local sockets, root's own last, so that whoever can ask there finds all of them. Those of operators and of the
 * page are opened where whoever installed made their folders. @throws StartFault where one cannot be had.
 */
export async function openSockets(
  parts: AdminParts,
  resources: Resources,
  signal: AbortSignal,
): Promise<void> {
  const { serverSocket, operatorsSocket, pageSocket, outsideSocket } = parts.paths;
  const doors: readonly { door: Door; path: string }[] = [
    { door: 'outside', path: outsideSocket },
    { door: 'page', path: pageSocket },
    { door: 'operators', path: operatorsSocket },
    { door: 'root', path: serverSocket },
  ];
  for (const { door, path } of doors) {
    const opened = await serveAdmin({
      path,
      handle: (request) => answerAdmin(request, parts, door),
      ...(door === 'root' ? {} : { forGroup: true, atOnce: { most: AT_ONCE, isLight } }),
      signal,
    });
    if (!opened.ok) throw new StartFault(opened.fault);
    resources.own(`the ${door} socket`, () => opened.value.close());
  }
}

/** What may list or look through the whole ledger. */
const HEAVY: ReadonlySet<string> = new Set<keyof typeof ACTIONS>([
  'bans',
  'bans-after',
  'news-since',
  'events',
  'history',
  'top',
  'explain',
  'audit',
  'held',
  'undo',
  'import',
]);

/** Whether all is well, an unban or a freeze waits behind no list; who follows waits for what comes, and costs little meanwhile. */
function isLight({ command, args }: AskedRequest): boolean {
  return !HEAVY.has(command) || Number(args['wait'] ?? 0) > 0;
}
