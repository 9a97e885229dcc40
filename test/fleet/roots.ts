import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatFleet, hostPaths, type HostPaths } from '@banshare/runtime';
import { makeCurvePair, writeCertificate, writePublicKey, type CurvePair } from '@banshare/transport';

const GENERATION = '20261121T000000Z-abcdef';

/** A temporary folder that is gone when the test ends, however it ends. */
export class Folder implements Disposable {
  readonly path: string;
  readonly #remove = (): void => rmSync(this.path, { recursive: true, force: true });

  constructor(below = tmpdir()) {
    this.path = mkdtempSync(join(below, 'banshare-fleet-'));
    process.once('exit', this.#remove);
  }

  [Symbol.dispose](): void {
    process.off('exit', this.#remove);
    this.#remove();
  }
}

/** The secrets of a fleet that was made for one test. */
export type FleetKeys = { server: CurvePair; join: CurvePair };

export async function makeFleetKeys(): Promise<FleetKeys> {
  return { server: await makeCurvePair(), join: await makeCurvePair() };
}

/** The ports of a server. */
export type Ports = { report: number; publish: number };

/** Lays out a server's root as its installer does. */
export function layServerRoot(root: string, keys: FleetKeys, generation = GENERATION): void {
  const directory = join(hostPaths(root).generations, generation);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(dirname(hostPaths(root).pageSocket), { recursive: true });
  writeCertificate(join(directory, 'server'), { metadata: {}, curve: keys.server });
  writePublicKey(join(directory, 'join'), { metadata: {}, publicKey: keys.join.publicKey });
  writeFileSync(
    join(directory, 'fleet.toml'),
    formatFleet({
      generation,
      created: '2026-11-21T00:00:00Z',
      servers: ['127.0.0.1'],
      reportPort: 20_001,
      publishPort: 20_002,
      serverPublicKey: keys.server.publicKey,
      banCommand: '/bin/true',
    }),
  );
}

/** Writes server.toml: its ports, a talkative log and generous limits unless the test sets its own, and the test's own lines. */
export function writeServerToml(root: string, ports: Ports, more: string, address = '127.0.0.1'): void {
  const log = /^\[log\]/m.test(more) ? '' : '[log]\nlevel = "info"\n';
  // Tests bring in a second what a fleet brings in a day.
  const generous = 'host-per-minute = 1000000\nhost-burst = 1000000\nfleet-per-minute = 10000000\n';
  const limits = /^\[limits\]/m.test(more) ? '' : `[limits]\n${generous}`;
  writeFileSync(
    hostPaths(root).serverConfig,
    `[listen]\naddress = ${JSON.stringify(address)}\nreport-port = ${ports.report}\npublish-port = ${ports.publish}\n${log}${limits}${more}\n`,
  );
}

/** Lays out a host's root; in development nothing is baked, so that client.toml says where the server is. */
export function layHostRoot(root: string, toml: string): HostPaths {
  const paths = hostPaths(root);
  mkdirSync(paths.keys.dir, { recursive: true, mode: 0o700 });
  writeFileSync(paths.clientConfig, toml);
  return paths;
}

/** The lines of client.toml that say where the server is. */
export function serverLines(
  ports: Ports,
  keys: FleetKeys,
  server: string | readonly string[] = '127.0.0.1',
): string {
  return [
    `server = ${JSON.stringify(server)}`,
    `report-port = ${ports.report}`,
    `publish-port = ${ports.publish}`,
    `server-public-key = ${JSON.stringify(keys.server.publicKey)}`,
    '',
  ].join('\n');
}
