import type { Host } from './host.ts';
import type { Exit } from './running.ts';
import { PATIENCE_MS } from './deadline.ts';

/** What stands in jail.local beside the machine's own defaults. */
export type Fail2banSettings = {
  /** Lines of `action`, beside the firewall's, of the jails that watch auth.log. */
  action?: string;
  /** The jails that watch auth.log for failed logins. */
  jails?: readonly string[];
  /** More of jail.local, as it is. */
  more?: string;
};

/** The jail.local of a lab host: nftables really drops, three failed logins are an attack. */
export function jailLocal({ action = '', jails = ['sshd'], more = '' }: Fail2banSettings): string {
  const sections = jails.map((jail) =>
    [
      `[${jail}]`,
      'enabled = true',
      'filter = sshd',
      'logpath = /var/log/auth.log',
      'maxretry = 3',
      `action = %(action_)s\n    ${action}`,
    ].join('\n'),
  );
  const defaults = [
    '[DEFAULT]',
    'backend = polling',
    'banaction = nftables[type=multiport, blocktype=drop]',
    'banaction_allports = nftables[type=allports, blocktype=drop]',
    'bantime = 1h',
    'findtime = 10m',
    'usedns = no',
    'ignoreip = 127.0.0.0/8 ::1',
  ].join('\n');
  return `${[defaults, ...sections, more].join('\n\n')}\n`;
}

/** Writes the configuration and starts a real fail2ban-server in the host. */
export async function startFail2ban(host: Host, settings: Fail2banSettings = {}): Promise<void> {
  await host.write('/etc/fail2ban/fail2ban.local', '[Definition]\nallowipv6 = auto\n');
  await host.write('/etc/fail2ban/jail.local', jailLocal(settings));
  await host.output(['fail2ban-client', 'start']);
}

/** Runs fail2ban-client in the host. */
export function fail2banClient(host: Host, ...words: readonly string[]): Promise<Exit> {
  return host.run(['fail2ban-client', ...words]);
}

/** The addresses that fail2ban's nftables rules drop for a jail. */
export function bannedIn(rules: string, jail: string): string[] {
  return [4, 6].flatMap((family) => {
    const set = `set addr${family === 4 ? '' : '6'}-set-${jail} {`;
    const start = rules.indexOf(set);
    if (start < 0) return [];
    const body = rules.slice(start, rules.indexOf('\n\t}', start));
    const elements = /elements = \{([^}]*)\}/.exec(body)?.[1] ?? '';
    return elements
      .split(',')
      .map((element) => element.trim().split(' ')[0] ?? '')
      .filter((element) => element !== '');
  });
}

/** Waits until the host's firewall drops an address for the jail. */
export async function untilBanned(
  host: Host,
  jail: string,
  ip: string,
  milliseconds = PATIENCE_MS,
): Promise<void> {
  await host.untilFirewall(
    (rules) => bannedIn(rules, jail).includes(ip),
    `${ip} in jail ${jail}`,
    milliseconds,
  );
}
