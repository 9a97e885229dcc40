import {
  complain,
  findServer,
  fleetInUse,
  hostPaths,
  readClientConfig,
  type ClientConfig,
  type ServerEndpoint,
} from '@banshare/runtime';

/** Reads client.toml and where the servers are, or says what is wrong there. */
export async function readSetup(
  root: string,
  configPath: string | undefined,
): Promise<{ config: ClientConfig; serverEndpoint: ServerEndpoint } | undefined> {
  const paths = hostPaths(root);
  const config = await readClientConfig(configPath ?? paths.clientConfig, {
    mustExist: configPath !== undefined,
  });
  if (!config.ok) {
    for (const fault of config.faults) complain('banshare-client', fault);
    return undefined;
  }
  const serverEndpoint = findServer(config.config, fleetInUse(paths));
  if (serverEndpoint.ok) return { config: config.config, serverEndpoint: serverEndpoint.value };
  complain('banshare-client', serverEndpoint.fault);
  return undefined;
}
