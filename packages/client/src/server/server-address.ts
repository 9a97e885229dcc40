import { promises as dns } from 'node:dns';
import { dirname } from 'node:path';
import { bad, good, parseAddress, type Result } from '@banshare/protocol';
import {
  changeServerNote,
  type HostPaths,
  isMacNoted,
  keepMacKey,
  makePrivateDirectory,
  readMacKey,
  readServerNote,
  type NotedServer,
  type ServerNote,
  type ServerEndpoint,
  type Servers,
  throughLoopback,
  writeServerNote,
} from '@banshare/runtime';
import { endpoint, type Identity, Mac } from '@banshare/transport';
import type { ServerAddress, Taking } from './server-link.ts';

const RESOLVER_MS = 1000;

/** Which of a name's addresses to go to. */
type Choose = (addresses: readonly string[]) => string | undefined;

/**
 * Finds the IP of one of the servers; a name is looked up anew each time, and noted for the reporter. Of a name with several addresses it is the
 * first that was not passed over; where all were, it begins anew.
 */
export async function locateServer(
  serverEndpoint: ServerEndpoint,
  server: string,
  knownOutside: readonly string[],
  paths: HostPaths,
  passed = new Set<string>(),
): Promise<Result<ServerAddress & { ip: string }>> {
  const choose = (addresses: readonly string[]): string | undefined => {
    const next = addresses.find((address) => !passed.has(throughLoopback(address, knownOutside)));
    if (next === undefined) passed.clear();
    return next ?? addresses[0];
  };
  const found = await lookUpInTime(serverEndpoint, server, paths, choose);
  if (!found.ok) return found;
  if (found.value !== server) noteAddress(paths, serverEndpoint.servers, { name: server, ip: found.value });
  const ip = throughLoopback(found.value, knownOutside);
  return good({
    ip,
    reportEndpoint: endpoint(ip, serverEndpoint.reportPort),
    publishEndpoint: endpoint(ip, serverEndpoint.publishPort),
    serverKey: serverEndpoint.serverPublicKey,
  });
}

/** A resolver that is gone with one of several servers must not keep this host from the next one: what was noted of that still counts. */
async function lookUpInTime(
  { servers }: ServerEndpoint,
  server: string,
  paths: HostPaths,
  choose: Choose,
): Promise<Result<string>> {
  const noted = servers.length === 1 ? '' : notedIp(paths, server);
  if (noted === '') return lookUp(server, choose);
  const late = Promise.withResolvers<Result<string>>();
  const timer = setTimeout(() => late.resolve(good(noted)), RESOLVER_MS);
  const found = await Promise.race([lookUp(server, choose), late.promise]);
  clearTimeout(timer);
  return found.ok ? found : good(noted);
}

function notedIp(paths: HostPaths, server: string): string {
  const noted = readServerNote(paths.serverAddress)?.servers.find(({ name }) => name === server)?.ip ?? '';
  return parseAddress(noted).ok ? noted : '';
}

async function lookUp(server: string, choose: Choose): Promise<Result<string>> {
  const found = await lookUpAll(server);
  return found.ok ? good(choose(found.value) ?? server) : found;
}

/** Every address that a name stands for, in the resolver's order; an address stands for itself. */
export async function lookUpAll(server: string): Promise<Result<readonly string[]>> {
  const literal = parseAddress(server);
  if (literal.ok) return good([literal.value]);
  try {
    return good((await dns.lookup(server, { all: true })).map(({ address }) => address));
  } catch (error) {
    return bad(`Cannot resolve the server's name "${server}": ${(error as Error).message}`);
  }
}

/** Notes an IP: the reporter trusts it while the file is young, and so need not wait for a resolver. */
export function noteAddress(
  paths: Pick<HostPaths, 'serverAddress'>,
  servers: Servers,
  { name, ip }: NotedServer,
): void {
  const noted = notedOf(paths, servers);
  const [first, ...others] = noted.servers.map((each) => (each.name === name ? { name, ip } : each));
  if (first !== undefined) writeNote(paths, { ...noted, servers: [first, ...others] }, writeServerNote);
}

/** Notes in which order the servers are to be tried; what is known of their IPs gets no younger by it. */
export function noteOrder(paths: Pick<HostPaths, 'serverAddress'>, order: Servers): void {
  const { servers, ...more } = notedOf(paths, order);
  const [first, ...others] = order.flatMap((name) => servers.find((each) => each.name === name) ?? []);
  if (first !== undefined) writeNote(paths, { ...more, servers: [first, ...others] }, changeServerNote);
}

/** What is noted of these servers, in its order; those behind them of which nothing is noted yet. */
function notedOf(paths: Pick<HostPaths, 'serverAddress'>, servers: Servers): ServerNote {
  const noted = readServerNote(paths.serverAddress);
  const known = noted?.servers.filter(({ name }) => servers.includes(name)) ?? [];
  const unknown = servers.filter((name) => known.every((each) => each.name !== name));
  const [first = { name: servers[0], ip: '' }, ...others] = [...known, ...unknown.map(unresolved)];
  return { servers: [first, ...others], ...(noted?.macKey === undefined ? {} : { macKey: noted.macKey }) };
}

/** An address stands for itself. */
function unresolved(name: string): NotedServer {
  return { name, ip: parseAddress(name).ok ? name : '' };
}

/**
 * What is noted of whether the server takes MACs, with its key, since another server may stand there tomorrow; and beside it the
 * key of this host's MACs, which the reporter would derive anew for each report.
 */
export function takingOf(
  paths: Pick<HostPaths, 'serverAddress' | 'macKey'>,
  { servers, serverPublicKey }: Pick<ServerEndpoint, 'servers' | 'serverPublicKey'>,
  { publicHex, curve }: Pick<Identity, 'publicHex' | 'curve'>,
): Taking {
  const between = { host: publicHex, server: serverPublicKey };
  return {
    takesMac: () =>
      isMacNoted(paths.serverAddress, serverPublicKey) && readMacKey(paths.macKey, between) !== undefined,
    note: (takesMac) => {
      const noted = notedOf(paths, servers).servers;
      writeNote(
        paths,
        { servers: noted, ...(takesMac ? { macKey: serverPublicKey } : {}) },
        changeServerNote,
      );
      if (takesMac) keepKey(paths.macKey, between, new Mac(curve.secretKey, serverPublicKey));
    },
  };
}

function keepKey(path: string, between: Parameters<typeof keepMacKey>[1], mac: Mac): void {
  try {
    keepMacKey(path, between, mac.keyHex);
  } catch {
    // The reporter then derives it itself.
  }
}

function writeNote(
  paths: Pick<HostPaths, 'serverAddress'>,
  note: ServerNote,
  write: typeof writeServerNote,
): void {
  try {
    makePrivateDirectory(dirname(paths.serverAddress));
    write(paths.serverAddress, note);
  } catch {
    // The reporter then looks the name up itself, and signs.
  }
}
