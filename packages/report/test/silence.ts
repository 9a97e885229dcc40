import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { uptime } from 'node:os';

/** A port of loopback that takes connections and never says a word. */
export async function silentPort(): Promise<{ port: number; close: () => void }> {
  const peers = new Set<Socket>();
  const server = createServer((peer) => {
    peers.add(peer);
    peer.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    server.close();
    for (const peer of peers) peer.destroy();
  };
  return { port: (server.address() as { port: number }).port, close };
}

/** Lies in the network of `inSilence`, where every packet is swallowed. */
export const SWALLOWED = '192.0.2.53';

/** Two ends of a cable; what goes to the far one finds nobody there. */
const NETWORK = [
  'ip link set lo up',
  'ip link add silence type veth peer name nobody',
  'ip addr add 192.0.2.1/24 dev silence',
  'ip link set silence up',
  'ip link set nobody up',
  `ip neighbour add ${SWALLOWED} lladdr 02:00:00:00:00:53 dev silence`,
  `echo 'nameserver ${SWALLOWED}' > "$1"`,
  'mount --bind "$1" /etc/resolv.conf',
  'cut -d " " -f 1 /proc/uptime > "$1.began"',
  'shift',
].join(' && ');

/** Words that run a program in a network where server and resolver, both at the end of a cable, never answer. */
export function inSilence(resolvConf: string): string[] {
  return ['unshare', '-mn', 'sh', '-c', `${NETWORK} && exec "$@"`, 'sh', resolvConf];
}

/** How many milliseconds ago the program was begun whose words `inSilence` gave: laying the network takes a busy machine seconds. */
export function sinceBegun(resolvConf: string): number {
  return 1000 * (uptime() - Number(readFileSync(`${resolvConf}.began`, 'utf8')));
}

/** Words that run a program where the given folder has room for no file. */
export function onFullDisk(folder: string): string[] {
  const script =
    'mount -t tmpfs -o size=4k,nr_inodes=100 none "$1" && printf %4096s > "$1/full" ; shift; exec "$@"';
  return ['unshare', '-m', 'sh', '-c', script, 'sh', folder];
}

/** Why tests that need namespaces are skipped; false where they run. */
export const noNamespaces: string | false =
  process.getuid?.() === 0 && spawnSync(inSilence('/dev/null')[0] ?? '', ['-mn', 'true']).status === 0
    ? false
    : 'needs root, for namespaces of its own';
