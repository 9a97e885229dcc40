import { connect } from 'node:net';
import { CLOCK_SECONDS, EMPTY_TAIL } from '@banshare/protocol';
import {
  fleetInUse,
  intendedFleet,
  monotonicSeconds,
  wallSeconds,
  type ClientConfig,
  type HostPaths,
  type ServerEndpoint,
} from '@banshare/runtime';
import { diagnoseFail2ban, diagnoseSharedActions } from './diagnose-fail2ban.ts';
import { diagnoseConfig } from './diagnose-config.ts';
import { diagnoseSpool } from './diagnose-spool.ts';
import { isPsadFirst } from '../host-enforcer/build.ts';
import { doesPsadListen } from '../enforcers/psad/psad.ts';
import { wayOfPsadBans } from '../enforcers/psad/or-jail.ts';
import { exec } from '../host/exec.ts';
import { followedLogs } from '../host/processes.ts';
import { locateServer } from '../server/server-address.ts';
import { ServerLink, type ServerAddress } from '../server/server-link.ts';
import { hasJoinKey } from '../identity/enrol.ts';
import { readEnrolled } from '../identity/key-files.ts';
import type { Finding } from './finding.ts';

const CONNECT_MS = 2000;
const ASK_MS = 3000;

/** Looks at everything between this host and each of its servers, and tells the possible faults apart. */
export async function diagnose(
  config: ClientConfig,
  serverEndpoint: ServerEndpoint,
  paths: HostPaths,
): Promise<Finding[]> {
  const each = serverEndpoint.servers.map((server) => diagnoseServer(server, config, serverEndpoint, paths));
  const ofServers = (await Promise.all(each)).flat();
  // What concerns this host is the same at each server.
  const findings = ofServers.filter(
    ({ says }, index) => ofServers.findIndex((other) => other.says === says) === index,
  );
  findings.push(...diagnoseConfig(config), ...diagnoseGeneration(paths), ...diagnoseSpool(paths.spool));
  const run = (words: string[]): ReturnType<typeof exec> =>
    exec(words, ASK_MS, () => monotonicSeconds() * 1000);
  if (/^(command|fail2ban)$/.test(config.apply.enforcer))
    findings.push(
      ...(await diagnoseFail2ban(config, {
        socket: paths.fail2banSocket,
        run,
        followed: () => followedLogs(paths.root),
      })),
    );
  if (banByFail2ban(config)) findings.push(...(await diagnoseSharedActions(config, paths.fail2banSocket)));
  if (isPsadFirst(config)) {
    const isThere = (): Promise<boolean> => doesPsadListen(paths.psadSocket);
    findings.push({ ok: true, says: await wayOfPsadBans({ isThere }, 'fail2ban') });
  }
  return findings;
}

/** Whether this host goes by the keys and ports of these programs already. */
function diagnoseGeneration(paths: HostPaths): Finding[] {
  const inUse = fleetInUse(paths);
  const intended = intendedFleet(paths);
  if (intended === undefined || inUse === undefined || inUse.generation === intended.generation) return [];
  const says = `This host still goes by the generation ${inUse.generation}: no server of ${intended.generation}, which is installed here, has answered it yet. It looks on by itself; the server gets that one by banshare-server generation add, or by its installer.`;
  return [{ ok: false, says }];
}

/** Whether some bans go into jails of fail2ban. */
function banByFail2ban({ apply, enforcer }: ClientConfig): boolean {
  const kinds = enforcer.length > 0 ? enforcer.map(({ kind }) => kind) : [apply.enforcer];
  return kinds.some(
    (kind) => kind === 'fail2ban' || (kind === 'command' && /fail2ban-client/.test(apply.command)),
  );
}

async function diagnoseServer(
  server: string,
  config: ClientConfig,
  serverEndpoint: ServerEndpoint,
  paths: HostPaths,
): Promise<Finding[]> {
  const located = await locateServer(serverEndpoint, server, config.addresses, paths);
  if (!located.ok)
    return [{ ok: false, says: `${located.fault}. Check SERVER, or the resolver of this host` }];
  const { ip } = located.value;
  const isOneOfSeveral = serverEndpoint.servers.length > 1;
  const named = isOneOfSeveral && ip !== server ? `${server} (${ip})` : ip;
  const ports = await Promise.all([
    diagnosePort(`report port ${serverEndpoint.reportPort} of ${named}`, ip, serverEndpoint.reportPort),
    diagnosePort(`publish port ${serverEndpoint.publishPort} of ${named}`, ip, serverEndpoint.publishPort),
  ]);
  if (!ports[0].ok) return ports;
  const who = isOneOfSeveral ? `The server ${server}` : 'The server';
  return [...ports, ...(await diagnoseAnswer(who, located.value, paths))];
}

/** A closed port answers no; a filtered one does not answer. */
async function diagnosePort(where: string, ip: string, port: number): Promise<Finding> {
  const outcome = await new Promise<string>((resolve) => {
    const socket = connect({ host: ip, port, timeout: CONNECT_MS });
    const end = (result: string): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => end('open'));
    socket.on('timeout', () => end('filtered'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
  if (outcome === 'open') return { ok: true, says: `The ${where} is open.` };
  if (outcome === 'ECONNREFUSED') {
    return {
      ok: false,
      says: `The ${where} is closed: banshare-server does not run there, or has other ports (another generation).`,
    };
  }
  if (outcome === 'filtered') {
    return {
      ok: false,
      says: `The ${where} is filtered: a firewall drops our packets; open it on the server's side.`,
    };
  }
  return { ok: false, says: `The ${where} cannot be reached: ${outcome}.` };
}

/** @param who begins a sentence about the server. */
async function diagnoseAnswer(who: string, server: ServerAddress, paths: HostPaths): Promise<Finding[]> {
  const key = readEnrolled(paths);
  if (!key.ok) {
    const how = hasJoinKey(paths)
      ? 'Run banshare-client enrol'
      : 'On the server banshare-server hosts admit - takes the line that banshare-client key prints here';
    return [{ ok: false, says: `Not enrolled: ${key.fault}. ${how}.` }];
  }
  const link = new ServerLink(server, key.value);
  const question = { kind: 'sync', epoch: 'none', since: 0, tail: EMPTY_TAIL, limit: 1 } as const;
  const answer = await link.ask(question, ASK_MS);
  link.close();
  if (!answer.ok) return [{ ok: false, says: `${who} ${MEANING[answer.fault]}` }];
  const { reply } = answer;
  if (reply.status !== 'OK')
    return [{ ok: false, says: `${who} refuses this host: ${reply.reason ?? reply.code ?? ''}.` }];
  const ahead = Math.round(wallSeconds() - reply.now);
  const clock = { ok: Math.abs(ahead) <= CLOCK_SECONDS, says: clockSays(ahead) };
  return [{ ok: true, says: `${who} knows this host as ${key.value.name}.` }, clock];
}

const MEANING = {
  'not-admitted':
    'does not admit the key of this host: it was revoked or forgotten, or the server was set up anew or restored from an older backup. Ask its operator; client-install.sh, run here again, brings this host back, one that was revoked only with a new key: move /etc/banshare/keys/host.key* away before.',
  unreachable:
    'does not answer in CurveZMQ: it has another key than this build knows (wrong generation), or something else listens there. Install the client installer of its generation.',
  unreadable: 'answers in a form that this version cannot read.',
} as const;

function clockSays(ahead: number): string {
  if (Math.abs(ahead) <= CLOCK_SECONDS) return "This host's clock agrees with the server's.";
  return `This host's clock is ${Math.abs(ahead)} s ${ahead > 0 ? 'ahead of' : 'behind'} the server's: set it by NTP.`;
}
