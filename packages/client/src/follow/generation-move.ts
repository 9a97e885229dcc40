import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { EMPTY_TAIL } from '@banshare/protocol';
import {
  findServer,
  fleetInUse,
  intendedFleet,
  readFleetNote,
  tell,
  throughLoopback,
  writeFleetNote,
  type ClientConfig,
  type FleetNote,
  type HostPaths,
  type Resources,
  type ServerEndpoint,
} from '@banshare/runtime';
import { endpoint } from '@banshare/transport';
import { readEnrolled } from '../identity/key-files.ts';
import { wait } from '../host/wait.ts';
import { lookUpAll } from '../server/server-address.ts';
import { ServerLink } from '../server/server-link.ts';

/*
 * A host keeps the generation of keys and ports that answered it last until the one of its programs does: whichever of host and
 * server is upgraded first, the host is never without a server. While it is on the earlier one it looks now and then whether a server
 * has come; the first answer counts, and the program begins anew with that.
 */

const ASK_MS = 3000;
/** Hosts of a fleet do not come to look at the same moment. */
const LOOK_AGAIN_MS = [5000, 15_000] as const;

type Host = { readonly paths: HostPaths; readonly config: ClientConfig };

/** The generation to begin with; the first look may take some seconds where that of the programs is another than the noted one. */
export async function generationToBegin(host: Host): Promise<FleetNote | undefined> {
  const [baked, inUse] = [intendedFleet(host.paths), fleetInUse(host.paths)];
  if (baked === undefined || inUse === undefined || inUse.generation === baked.generation) return baked;
  // Nobody knows a host without a key, on whichever: it begins with that of its programs.
  if (!readEnrolled(host.paths).ok) rmSync(host.paths.fleetNote, { force: true });
  else if (!(await answers(host, baked))) return inUse;
  else note(host.paths, baked);
  return baked;
}

/** Notes a generation whose server this host has followed, unless it is noted already. */
export function noteGeneration(paths: HostPaths, inUse: FleetNote | undefined): void {
  if (inUse !== undefined && readFleetNote(paths.fleetNote)?.generation !== inUse.generation)
    note(paths, inUse);
}

/** Begins anew with the generation of these programs once a server of it answers; nothing where that is in use already. */
export async function moveOn(
  { paths, config, fleet }: Host & { readonly fleet: FleetNote | undefined },
  resources: Pick<Resources, 'startAgain'>,
  signal: AbortSignal,
): Promise<void> {
  const intended = intendedFleet(paths);
  if (intended === undefined || fleet === undefined || fleet.generation === intended.generation) return;
  while (!signal.aborted) {
    await wait(randomInt(...LOOK_AGAIN_MS), signal);
    if (signal.aborted || !(await answers({ paths, config }, intended))) continue;
    note(paths, intended);
    tell(`banshare-client a server of ${intended.generation} answers: begins anew with it`);
    resources.startAgain();
    return;
  }
}

/** A host that cannot note it begins with that of its programs the next time, as before. */
function note(paths: HostPaths, fleet: FleetNote): void {
  try {
    writeFleetNote(paths.fleetNote, fleet);
  } catch {
    // The state's folder is full or read-only, which the state itself says.
  }
}

/** Whether one of the servers of a generation takes this host's key. */
async function answers(host: Host, fleet: FleetNote): Promise<boolean> {
  const found = findServer(host.config, fleet);
  if (!found.ok) return false;
  for (const server of found.value.servers) if (await answersAt(host, found.value, server)) return true;
  return false;
}

async function answersAt({ paths, config }: Host, at: ServerEndpoint, server: string): Promise<boolean> {
  const key = readEnrolled(paths);
  const [ip] = await lookUp(server);
  if (!key.ok || ip === undefined) return false;
  const reached = throughLoopback(ip, config.addresses);
  const link = new ServerLink(
    {
      reportEndpoint: endpoint(reached, at.reportPort),
      publishEndpoint: endpoint(reached, at.publishPort),
      serverKey: at.serverPublicKey,
    },
    key.value,
  );
  const question = { kind: 'sync', epoch: 'none', since: 0, tail: EMPTY_TAIL, limit: 1 } as const;
  const answer = await link.ask(question, ASK_MS);
  link.close();
  return answer.ok && answer.reply.status === 'OK';
}

async function lookUp(server: string): Promise<readonly string[]> {
  const found = await lookUpAll(server);
  return found.ok ? found.value : [];
}
