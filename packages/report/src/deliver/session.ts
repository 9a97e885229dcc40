import { bad, good, type Address, type Result } from '@banshare/protocol';
import {
  type ClientConfig,
  EXIT,
  findServer,
  fleetInUse,
  hostPaths,
  type HostPaths,
  machineAddresses,
  monotonicSeconds,
  readClientConfig,
} from '@banshare/runtime';
import { readHostKey } from '@banshare/transport';
import type { Arguments } from '../words/arguments.ts';
import { Courier, type HostIdentity } from './deliver.ts';
import type { Ending } from '../words/ending.ts';
import { refuseProtected } from './own-rules.ts';
import { Spool } from '../spool/spool.ts';

const OWN_ADDRESSES_SECONDS = 1;

/** What a run of the reporter works with. */
export type Session = {
  paths: HostPaths;
  courier: Courier;
  spoolMaxAgeSeconds: number;
  /** Whether reports carry what the detector saw. */
  takesEvidence: boolean;
  /** Why this host does not report an address at all. */
  refuse: (ip: Address) => Ending | undefined;
};

/** What is wrong with this host's set-up, and the system's code where a file could not be read. */
type Flaw = { fault: string; code?: string };

/** Why nothing can be reported now; `isMendable` where only this host's own configuration file has a fault, which somebody is writing. */
export type NoSession = { ending: Ending; isMendable?: true };

/** Reads configuration and key and makes the courier; all that is wrong comes as one ending. */
export async function openSession(options: Arguments): Promise<Session | NoSession> {
  const paths = hostPaths(options.root);
  const read = await readConfig(options, paths);
  if (!read.ok) {
    const { ending } = misconfigured(flawsOf(read));
    return options.config === undefined ? { ending, isMendable: true } : { ending };
  }
  const serverEndpoint = findServer(read.config, fleetInUse(paths));
  if (!serverEndpoint.ok) return misconfigured([serverEndpoint]);
  const key = readIdentity(paths);
  if (!key.ok) return misconfigured([key]);
  return {
    paths,
    refuse: refusalBy(read.config),
    spoolMaxAgeSeconds: read.config.report.spoolMaxAgeSeconds,
    takesEvidence: read.config.report.evidence,
    courier: new Courier({
      serverEndpoint: serverEndpoint.value,
      knownOutside: read.config.addresses,
      addressCache: paths.serverAddress,
      macKey: paths.macKey,
      identity: key.value,
      readIdentity: () => {
        const now = readIdentity(paths);
        return now.ok ? now.value : key.value;
      },
      spool: new Spool(paths.spool, read.config.report.spoolMax),
      timeoutMs: options.timeoutMs ?? timeoutOf(read.config),
      isStrict: options.isStrict,
      isMany: options.action === 'stdin' || options.action === 'flush',
    }),
  };
}

/** Of many reports the host's own addresses are asked for once a second. */
function refusalBy(config: ClientConfig): Session['refuse'] {
  let own: readonly string[] = [];
  let askedAt = -Infinity;
  return (ip) => {
    if (monotonicSeconds() - askedAt > OWN_ADDRESSES_SECONDS) {
      own = machineAddresses();
      askedAt = monotonicSeconds();
    }
    return refuseProtected(ip, config, own);
  };
}

/** Everything that is wrong with this host's set-up, for --check. */
export async function findFaults(options: Arguments): Promise<string[]> {
  const paths = hostPaths(options.root);
  const read = await readConfig(options, paths);
  const flaws = read.ok ? [] : flawsOf(read);
  const serverEndpoint = read.ok ? findServer(read.config, fleetInUse(paths)) : undefined;
  if (serverEndpoint?.ok === false) flaws.push(serverEndpoint);
  const key = readIdentity(paths);
  if (!key.ok) flaws.push(key);
  return flaws.map(withRootNeeded);
}

function readConfig({ config }: Arguments, paths: HostPaths): ReturnType<typeof readClientConfig> {
  return readClientConfig(config ?? paths.clientConfig, { mustExist: config !== undefined });
}

function readIdentity(paths: HostPaths): Result<HostIdentity> {
  const key = readHostKey(paths.keys.host);
  if (!key.ok) return bad(withEnrolmentNeeded(key), key.code);
  const { name } = key.value;
  if (name === undefined)
    return bad(`This host is not accepted by the server yet: run banshare-client status`);
  return good({ key: key.value, name });
}

function withEnrolmentNeeded({ fault, code }: Flaw): string {
  return code === 'ENOENT' ? `${fault}. This host is not enrolled: run banshare-client enrol` : fault;
}

function timeoutOf(config: ClientConfig): number {
  return config.report.timeoutSeconds * 1000;
}

function misconfigured(flaws: readonly Flaw[]): { ending: Ending } {
  return { ending: { code: EXIT.configuration, says: flaws.map(withRootNeeded).join('\n') } };
}

function flawsOf({ faults, code }: { faults: readonly string[]; code?: string }): Flaw[] {
  return faults.map((fault) => ({ fault, ...(code === undefined ? {} : { code }) }));
}

function withRootNeeded({ fault, code }: Flaw): string {
  const isForbidden = code === 'EACCES' && process.getuid?.() !== 0;
  return isForbidden ? `${fault}. banshare-report needs root: keys and spool are root's` : fault;
}
