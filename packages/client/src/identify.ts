import { randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import {
  type AdminReply,
  type ClientConfig,
  type FaultLog,
  fleetInUse,
  findServer,
  type HostPaths,
  type Log,
  outsideAddresses,
  type Resources,
  type ServerEndpoint,
} from '@banshare/runtime';
import type { Progress } from './follow/progress.ts';
import { setCloneAside } from './identity/clone.ts';
import { enrol } from './identity/enrol.ts';
import { type EnrolledKey, readEnrolled, tidyKeys } from './identity/key-files.ts';
import { removeToken } from './identity/token-file.ts';
import { locateServer } from './server/server-address.ts';
import type { ServerChoice } from './server/server-choice.ts';
import { wait } from './host/wait.ts';

/** Who this host is to become, and of which servers. */
type IdentifyOptions = { config: ClientConfig; serverEndpoint: ServerEndpoint; paths: HostPaths };

const ENROL_AGAIN_MS = 3000;
const START_AGAIN_MS = 100;

/** What this host would like to be called. */
export function nameOf(config: ClientConfig): string {
  return config.name ?? hostname();
}

/** A host that joined another fleet, or another generation, begins anew with that; enrolled it goes on by itself. */
export function joinedOf(
  { config, paths, serverEndpoint }: IdentifyOptions,
  resources: Resources,
): () => AdminReply {
  return () => {
    const now = findServer(config, fleetInUse(paths));
    const startsAgain = now.ok && !isDeepStrictEqual(now.value, serverEndpoint);
    // Who asked has his answer first.
    if (startsAgain) setTimeout(() => resources.startAgain(), START_AGAIN_MS);
    return { ok: true, result: { startsAgain } };
  };
}

/** The key of this host: the one it has, or a fresh one once the server accepts it; undefined when stopped meanwhile. */
export async function identify(
  { config, paths, serverEndpoint }: IdentifyOptions,
  host: { log: Log; faults: FaultLog; progress: Progress; servers: ServerChoice; resources: Resources },
  signal: AbortSignal,
): Promise<EnrolledKey | undefined> {
  // Whether a server is there or not, this host can be asked and paused from here on.
  host.resources.ready();
  if (setCloneAside(paths)) {
    host.log.warning(
      'This machine is a clone: the key of the original is set aside, and this host enrols anew',
    );
  }
  host.progress.phase = 'enrolling';
  while (!signal.aborted) {
    const enrolled = readEnrolled(paths);
    if (enrolled.ok) {
      tidyKeys(paths, enrolled.value);
      return enrolled.value;
    }
    const passed = host.servers.passed(host.servers.current);
    const { addresses } = config;
    const server = await locateServer(serverEndpoint, host.servers.current, addresses, paths, passed);
    const result = server.ok
      ? await enrol(paths, server.value, nameOf(config), outsideAddresses(addresses))
      : { ok: false as const, code: 'resolve', reason: server.fault, after: undefined };
    if (result.ok) {
      host.log.notice('Enrolled', { name: result.key.name });
      return result.key;
    }
    host.progress.trouble = result.reason;
    host.faults.fault('enrol', 'Cannot enrol yet', { reason: result.reason });
    if (server.ok && result.code === 'unreachable') passed.add(server.value.ip);
    // Whoever has to approve it does so for all servers.
    const isRound = result.code === 'pending' || host.servers.goOn();
    // No server lets in by it.
    if (isRound && result.code === 'not-admitted') removeToken(paths);
    // Hosts of a fleet that is set up at once must not come back at once.
    const rest = isRound ? ENROL_AGAIN_MS : randomInt(100, 600);
    const again = result.after === undefined ? rest : Math.max(1, result.after) * randomInt(1000, 2000);
    await wait(again, signal);
  }
  return undefined;
}
