import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { formatFleet, hostPaths } from '@banshare/runtime';
import { writeCertificate, writePublicKey } from '@banshare/transport';
import { makeFleetKeys, takePort, untilAnswered } from '../../../test/fleet/index.ts';

export type Generation = {
  name: string;
  keys: Awaited<ReturnType<typeof makeFleetKeys>>;
  ports: { report: number; publish: number };
};

/** Lays out one more generation, as an installer does. */
export async function layGeneration(root: string, name: string): Promise<Generation> {
  const keys = await makeFleetKeys();
  const ports = { report: takePort(), publish: takePort() };
  const directory = join(hostPaths(root).generations, name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeCertificate(join(directory, 'server'), { metadata: {}, curve: keys.server });
  writePublicKey(join(directory, 'join'), { metadata: {}, publicKey: keys.join.publicKey });
  const fleet = {
    generation: name,
    created: '2026-11-21T00:00:00Z',
    servers: ['127.0.0.1'] as const,
    reportPort: ports.report,
    publishPort: ports.publish,
    serverPublicKey: keys.server.publicKey,
    banCommand: '/bin/true',
  };
  writeFileSync(join(directory, 'fleet.toml'), formatFleet(fleet));
  return { name, keys, ports };
}

/** Waits until nothing listens on a port of loopback: libzmq gives one back in a thread of its own, and tells nobody when. */
export async function isShut(port: number): Promise<void> {
  const look = async (): Promise<true | undefined> => ((await isOpen(port)) ? undefined : true);
  await untilAnswered(look, 10_000, () => `port ${port} to be shut`);
}

/** Whether something listens on a port of loopback. */
export async function isOpen(port: number, address = '127.0.0.1'): Promise<boolean> {
  const socket = connect(port, address);
  const open = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return open;
}
