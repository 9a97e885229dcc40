import { PATIENCE_MS, untilTrue } from './deadline.ts';
import type { Host } from './host.ts';
import type { Booted } from './roots/systemd.ts';

const PORT = 2222;

/** Where the lab's ssh configuration lies on the host that logs in. */
export const sshConfig = '/var/ssh/config';

/** Makes a key on the host that will log in, and its configuration: the hosts by name, on the port of the lab's sshd. */
export async function makeLogin(from: Host): Promise<string> {
  await from.output(['install', '-d', '-m', '0700', '/var/ssh']);
  await from.output(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/var/ssh/id']);
  const lines = [
    'Host *',
    `Port ${PORT}`,
    'User root',
    'IdentityFile /var/ssh/id',
    'IdentitiesOnly yes',
    'UserKnownHostsFile /var/ssh/known_hosts',
    'StrictHostKeyChecking yes',
    // Nobody has this address.
    'Host h4',
    'HostName 10.99.0.99',
  ];
  await from.write(sshConfig, `${lines.join('\n')}\n`, 0o600);
  return from.read('/var/ssh/id.pub');
}

/** Starts a real sshd on a booted host, with keys of its own; whoever has the public key may log in as root. */
export async function startSshd(host: Host, booted: Booted, publicKey: string, from: Host): Promise<void> {
  await host.output(['install', '-d', '-m', '0700', '/var/ssh', '/run/sshd']);
  await host.output(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/var/ssh/host']);
  await host.write('/var/ssh/authorized_keys', publicKey, 0o600);
  const lines = [
    `Port ${PORT}`,
    'HostKey /var/ssh/host',
    'AuthorizedKeysFile /var/ssh/authorized_keys',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'UsePAM no',
    'PidFile none',
    'Subsystem sftp internal-sftp',
  ];
  await host.write('/var/ssh/sshd_config', `${lines.join('\n')}\n`);
  const started = await booted.run(
    'systemd-run',
    '--quiet',
    '--unit=lab-sshd',
    '/usr/sbin/sshd',
    '-D',
    '-f',
    '/var/ssh/sshd_config',
  );
  if (started.code !== 0) throw new Error(`Cannot start sshd on ${host.name}: ${started.stderr}`);
  const listens = `grep -q ':${PORT.toString(16).toUpperCase().padStart(4, '0')} .* 0A ' /proc/net/tcp`;
  await untilTrue(PATIENCE_MS, `sshd to listen on ${host.name}`, async () => {
    return (await host.run(['sh', '-c', listens])).code === 0;
  });
  const key = await host.read('/var/ssh/host.pub');
  await from.append('/var/ssh/known_hosts', `[${host.name}]:${PORT} ${key}`);
}
