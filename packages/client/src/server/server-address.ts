import { promises as dns } from 'node:dns';
import { dirname } from 'node:path';
import { bad, good, parseAddress, type Result } from '@banshare/protocol';
import {
  type HostPaths,
  isMacNoted,
  keepMacKey,
  makePrivateDirectory,
  readMacKey,
  readServerNote,
  type ServerNote,
  type ServerPlace,
  throughLoopback,
  writeServerNote,
} from '@banshare/runtime';
import { endpoint, type Identity, Mac } from '@banshare/transport';
import type { ServerAddress, Taking } from './server-link.ts';

/** Finds the server's IP; a name is looked up anew each time, and noted for the reporter. */
export async function locateServer(
  serverPlace: ServerPlace,
  knownOutside: readonly string[],
  paths: HostPaths,
): Promise<Result<ServerAddress & { ip: string }>> {
  const found = await lookUp(serverPlace.server);
  if (!found.ok) return found;
  if (found.value !== serverPlace.server) noteAddress(paths, serverPlace.server, found.value);
  const ip = throughLoopback(found.value, knownOutside);
  return good({
    ip,
    reportEndpoint: endpoint(ip, serverPlace.reportPort),
    publishEndpoint: endpoint(ip, serverPlace.publishPort),
    serverKey: serverPlace.serverPublicKey,
  });
}

async function lookUp(server: string): Promise<Result<string>> {
  const found = await lookUpAll(server);
  return found.ok ? good(found.value[0] ?? server) : found;
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

/** Notes the IP: the reporter trusts it while the file is young, and so need not wait for a resolver. */
export function noteAddress(paths: Pick<HostPaths, 'serverAddress'>, name: string, ip: string): void {
  const { macKey } = readServerNote(paths.serverAddress) ?? {};
  writeNote(paths, { name, ip, ...(macKey === undefined ? {} : { macKey }) });
}

/**
 * What is noted of whether the server takes MACs, with its key, since another server may have its place tomorrow; and beside it the
 * key of this host's MACs, which the reporter would derive anew for each report.
 */
export function takingOf(
  paths: Pick<HostPaths, 'serverAddress' | 'macKey'>,
  { server, serverPublicKey }: Pick<ServerPlace, 'server' | 'serverPublicKey'>,
  { publicHex, curve }: Pick<Identity, 'publicHex' | 'curve'>,
): Taking {
  const between = { host: publicHex, server: serverPublicKey };
  return {
    takesMac: () =>
      isMacNoted(paths.serverAddress, serverPublicKey) && readMacKey(paths.macKey, between) !== undefined,
    note: (takesMac) => {
      // Where the server is named by its address, nothing else is noted.
      const { name, ip } = readServerNote(paths.serverAddress) ?? { name: server, ip: server };
      writeNote(paths, { name, ip, ...(takesMac ? { macKey: serverPublicKey } : {}) });
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

function writeNote(paths: Pick<HostPaths, 'serverAddress'>, note: ServerNote): void {
  try {
    makePrivateDirectory(dirname(paths.serverAddress));
    writeServerNote(paths.serverAddress, note);
  } catch {
    // The reporter then looks the name up itself, and signs.
  }
}
