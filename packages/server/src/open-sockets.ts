import { serveAdmin, StartFault, type Resources } from '@banshare/runtime';
import { answerAdmin, type AdminParts } from './operator/admin.ts';
import type { Door } from './operator/allowed.ts';

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
      forGroup: door !== 'root',
      signal,
    });
    if (!opened.ok) throw new StartFault(opened.fault);
    resources.own(`the ${door} socket`, () => opened.value.close());
  }
}
