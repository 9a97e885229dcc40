import { bad, good, type Result } from '@banshare/protocol';
import { bakedFleet } from './baked.ts';
import type { FleetNote } from '../handover/fleet-note.ts';
import type { ClientConfig } from './options.ts';

/** Where a host finds its servers, and by which key it knows them. */
export type ServerEndpoint = Omit<FleetNote, 'generation'>;

/** Where the servers are: what client.toml says, else the generation that this host goes by, or that of the program. */
export function findServer(
  config: ClientConfig,
  fleet: FleetNote | undefined = bakedFleet,
): Result<ServerEndpoint> {
  const servers = config.server ?? fleet?.servers;
  const reportPort = config.reportPort ?? fleet?.reportPort;
  const publishPort = config.publishPort ?? fleet?.publishPort;
  const serverPublicKey = config.serverPublicKey ?? fleet?.serverPublicKey;
  if (servers && reportPort && publishPort && serverPublicKey) {
    return good({ servers, reportPort, publishPort, serverPublicKey });
  }
  const missing = Object.entries({
    server: servers,
    'report-port': reportPort,
    'publish-port': publishPort,
    'server-public-key': serverPublicKey,
  }).flatMap(([key, value]) => (value === undefined ? [key] : []));
  return bad(
    `Cannot tell where the server is: no fleet is baked into this program; set ${missing.join(', ')} in client.toml, or give banshare-client join - a token`,
  );
}
