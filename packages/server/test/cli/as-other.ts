import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Fleet } from '../../../../test/fleet/index.ts';

/** Why what needs another user is left out. */
export const skip = process.getuid?.() === 0 ? false : 'needs root, which has other users';
/** A user whom nobody knows. */
export const STRANGER = 4242;

/** Gives all that is the server's to the user that it runs as on a real machine; returns the folder of its generation. */
export async function startAsOther(fleet: Fleet): Promise<string> {
  await fleet.server.stop();
  const { generations, serverState, serverRun, operatorsSocket, pageSocket, outsideSocket } =
    fleet.server.paths;
  const doors = [operatorsSocket, pageSocket, outsideSocket].map((path) => dirname(path));
  const folders = [generations, serverState, serverRun, ...doors];
  execFileSync('chown', ['-R', `${STRANGER}:${STRANGER}`, ...folders.filter((folder) => existsSync(folder))]);
  const base = dirname(fleet.server.root);
  execFileSync('find', [base, '-type', 'd', '-user', 'root', '-exec', 'chmod', '0755', '{}', '+']);
  await fleet.server.start();
  return join(generations, readdirSync(generations)[0] ?? '');
}
