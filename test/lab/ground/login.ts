import type { Host } from './host.ts';
import type { Running } from './running.ts';

const PORT = '2222';
const SERVER_FILES = '/tmp/sshd';
const CLIENT_KEY = '/tmp/ssh-key';

/** A real sshd in a host, beside what listens on port 22 for the attacks, and an administrator who may log in. */
export async function startSshd(host: Host, visitor: Host): Promise<void> {
  await visitor.output(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', CLIENT_KEY]);
  await host.output(['install', '-d', '-m', '0755', SERVER_FILES, '/run/sshd']);
  await host.output(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', `${SERVER_FILES}/host`]);
  await host.write(`${SERVER_FILES}/allowed`, await visitor.read(`${CLIENT_KEY}.pub`));
  await host.append('/etc/passwd', 'admin1:x:4001:4001::/:/bin/sh\n');
  await host.append('/etc/shadow', 'admin1:*:19000::::::\n');
  const options = [
    `Port=${PORT}`,
    `AuthorizedKeysFile=${SERVER_FILES}/allowed`,
    'StrictModes=no',
    'UsePAM=no',
    'PasswordAuthentication=yes',
  ].flatMap((option) => ['-o', option]);
  const daemon = host.spawn([
    '/usr/sbin/sshd',
    '-D',
    '-e',
    '-f',
    '/dev/null',
    '-h',
    `${SERVER_FILES}/host`,
    ...options,
  ]);
  await daemon.line(/^Server listening on 0\.0\.0\.0/);
}

/** Logs in from one of the visitor's addresses; what is said to it comes back, as long as the session lives. */
export async function logIn(visitor: Host, from: string, to: Host): Promise<Running> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  const words = [
    '-i',
    CLIENT_KEY,
    '-b',
    from,
    '-p',
    PORT,
    `admin1@${to.addresses.ipv4}`,
    'echo logged in; exec cat',
  ];
  const given = options.flatMap((option) => ['-o', option]);
  const session = visitor.spawn(['ssh', '-F', '/dev/null', ...given, ...words]);
  await session.line(/^logged in$/);
  return session;
}

/** Connects and stays without logging in; sshd waits for the visitor's name and key. */
export async function knock(visitor: Host, from: string, to: Host): Promise<Running> {
  const connection = visitor.spawn(['nc', '-s', from, to.addresses.ipv4, PORT]);
  await connection.line(/^SSH-2\.0-/);
  return connection;
}
