import { copyFile } from 'node:fs/promises';
import { PATIENCE_MS, untilTrue } from '../lab/ground/deadline.ts';
import type { Host } from '../lab/ground/host.ts';
import type { Lab } from '../lab/ground/lab.ts';
import type { Exit } from '../lab/ground/running.ts';
import { Booted } from '../lab/ground/roots/systemd.ts';

/** What the versions of a system are known by. */
export type Versions = { fail2ban: string; nft: string; systemd: string };

// Real logins of sshd, not lines that a test writes; the real firewall, which drops and does not refuse. sshd of Debian 13 itself
// shuts out whoever has failed to log in a few times, so that fail2ban sees two such connections, and no more for a while.
const JAIL = `[DEFAULT]
banaction = nftables[type=multiport, blocktype=drop]
banaction_allports = nftables[type=allports, blocktype=drop]
usedns = no

[sshd]
enabled = true
backend = systemd
maxretry = 2
`;

const REPORTING = `action = %(action_)s
         banshare[port="%(port)s", protocol="%(protocol)s"]
`;

/** A lab host with a system of its own that its own systemd has booted. */
export class Machine implements AsyncDisposable {
  readonly host: Host;
  readonly #booted: Booted;

  static async boot(host: Host): Promise<Machine> {
    return new Machine(host, await Booted.start(host, 'multi-user.target'));
  }

  private constructor(host: Host, booted: Booted) {
    this.host = host;
    this.#booted = booted;
  }

  /** Runs a program to its end, whatever its exit code. */
  run(...argv: string[]): Promise<Exit> {
    return this.#booted.run(...argv);
  }

  /** Runs a program that has to succeed and returns what it printed. */
  async output(...argv: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...argv);
    if (code === 0) return stdout;
    throw new Error(`${this.host.name}: "${argv.join(' ')}" ended with ${code}:\n${stdout}\n${stderr}`);
  }

  /** What systemctl says of a unit's property. */
  property(unit: string, name: string): Promise<string> {
    return this.#booted.property(unit, name);
  }

  /** Copies an installer to the machine and runs it there. */
  async install(installer: string, ...flags: string[]): Promise<Exit> {
    const path = `/root/${installer.split('/').at(-1)}`;
    await copyFile(installer, this.host.outside(path));
    return this.run('sh', path, ...flags);
  }

  /** Lets fail2ban watch sshd, and where it shall, report what it bans. */
  async watch(reports: boolean): Promise<void> {
    await this.host.write('/etc/fail2ban/jail.local', reports ? `${JAIL}${REPORTING}` : JAIL);
    await this.output('systemctl', 'restart', 'fail2ban');
    await untilTrue(PATIENCE_MS, `fail2ban's jail on ${this.host.name}`, async () => {
      return (await this.run('fail2ban-client', 'status', 'sshd')).code === 0;
    });
  }

  /** What a process of a unit may do: the kernel's own words. */
  async rights(unit: string): Promise<{ capabilities: string; mayGainMore: boolean; user: string }> {
    const pid = await this.property(unit, 'MainPID');
    const status = await this.output('cat', `/proc/${pid}/status`);
    const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '';
    return {
      capabilities: field('CapEff'),
      mayGainMore: field('NoNewPrivs') !== '1',
      user: (await this.output('stat', '-c', '%U', `/proc/${pid}`)).trim(),
    };
  }

  /** Every file below what an installation may touch. */
  async files(): Promise<string[]> {
    const find = 'find /etc /usr /opt /root /srv /home /var /run -xdev | LC_ALL=C sort';
    return (await this.output('sh', '-c', find)).split('\n');
  }

  /** Which of them were not there before, but for what others write meanwhile. */
  async filesSince(before: readonly string[]): Promise<string[]> {
    const known = new Set(before);
    return (await this.files()).filter(
      (path) => !known.has(path) && !OTHERS.some((pattern) => pattern.test(path)),
    );
  }

  async versions(): Promise<Versions> {
    const first = async (pattern: RegExp, ...argv: string[]): Promise<string> =>
      pattern.exec(await this.output(...argv))?.[1] ?? 'unknown';
    return {
      fail2ban: await first(/(\d[\d.]*\d)/, 'fail2ban-client', '--version'),
      nft: await first(/v(\d[\d.]*\d)/, 'nft', '--version'),
      systemd: await first(/^systemd (\d+)/, 'systemctl', '--version'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#booted[Symbol.asyncDispose]();
  }
}

/** What others write meanwhile; the jails and the installers are a test's own. */
const OTHERS = [
  /^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
  /^\/etc\/fail2ban\/jail\.local$/,
  /^\/root\/\.ansible(\/|$)/,
  /^\/root\/(client|server)-install(-slim)?\.sh$/,
  /^\/run\/(systemd|fail2ban|dbus|log|user|sudo|utmp|lock|sshd|motd)/,
  /^\/var\/(log|tmp|cache|lib\/(systemd|fail2ban|private))\b/,
  /\/__pycache__(\/|$)/,
];

/** Tries to log in over ssh as nobody whom the host knows, until its fail2ban has banned whoever does that. */
export async function untilItsFail2banBans(lab: Lab, target: Host, from: string): Promise<void> {
  const options = [
    'BatchMode=yes',
    'ConnectTimeout=5',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    `BindAddress=${from}`,
  ].flatMap((option) => ['-o', option]);
  const ban = `[sshd] Ban ${from}\n`;
  const what = (): string => `fail2ban on ${target.name} to ban ${from}`;
  await untilTrue(PATIENCE_MS, what, async () => {
    // A ban in the middle of a session leaves ssh waiting for an answer.
    await lab.attacker.host.run([
      'timeout',
      '5',
      'ssh',
      ...options,
      `admin@${target.addresses.ipv4}`,
      'true',
    ]);
    return (await target.read('/var/log/fail2ban.log')).includes(ban);
  });
}
