import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cleanEnvironment } from './running.ts';

/** A program the lab needs, and the Debian package that has it. */
const packages: Record<string, string> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  flock: 'util-linux',
  ip: 'iproute2',
  nft: 'nftables',
  'fail2ban-server': 'fail2ban',
  psad: 'psad',
  iptables: 'iptables',
};

const always = ['unshare', 'nsenter', 'flock', 'ip', 'nft', 'fail2ban-server'];

// What init.sh does to the file system, in small.
const probe = [
  'mount -t tmpfs lab /run',
  'mkdir -p /run/u /run/w',
  'mount -t overlay lab -o lowerdir=/etc,upperdir=/run/u,workdir=/run/w /etc',
].join(' && ');

let namespacesReason: string | false | undefined;

/** Why the lab cannot run here, as node:test's `skip` takes it: a sentence, or false when it can. */
export function skipReason(...further: readonly string[]): string | false {
  if (process.getuid?.() !== 0) return 'the lab of real hosts needs root';
  const missing = [...always, ...further].filter((program) => !isInstalled(program));
  if (missing.length > 0) {
    const debian = [...new Set(missing.map((program) => packages[program] ?? program))].join(' ');
    return `the lab of real hosts needs ${missing.join(', ')} (Debian packages: ${debian})`;
  }
  return (namespacesReason ??= whyNoNamespaces());
}

function isInstalled(program: string): boolean {
  return cleanEnvironment.PATH.split(':').some((directory) => existsSync(`${directory}/${program}`));
}

function whyNoNamespaces(): string | false {
  const argv = [
    '--net',
    '--mount',
    '--uts',
    '--ipc',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-c',
    probe,
  ];
  const { status, stderr } = spawnSync('unshare', argv, { env: cleanEnvironment, encoding: 'utf8' });
  return status === 0 ? false : `the lab of real hosts needs namespaces and overlay mounts: ${stderr.trim()}`;
}
