import type { ClientConfig } from '@banshare/runtime';
import { actionsOf, commandOfAction, jailsOf } from '../fail2ban/requests.ts';
import { Talk, TalkError } from '../fail2ban/connection.ts';
import { someOf } from '@banshare/runtime';
import type { Finding } from './finding.ts';

const TIMEOUT_MS = 10_000;
const MOST_NAMED = 5;
/** By their names: actions of fail2ban that tell somebody, and have no command to look at where they are written in Python. */
const TELLS =
  /^(sendmail|mail|smtp|complain|abuseipdb|blocklist_de|badips|dshield|mynetwatchman|xarf|apprise|ipthreat)/;
/** By what they run: a mail, a query, a message. */
const RUNS = /(?:^|[\s/|(;`])(sendmail|mailx?|msmtp|mutt|whois|curl|wget|ntfy|logger-xmpp)\s/m;
/** They ask over the network, and ban there. */
const FIREWALLS = /cloudflare|netscaler|firewall|nftables|iptables|ipset/i;

/**
 * Looks for actions that are no firewall in the jails that take shared bans: a mail, a whois query or a report to AbuseIPDB for each
 * ban of the fleet, from every host. Nothing is found where fail2ban's socket does not answer.
 */
export async function diagnoseSharedActions(config: ClientConfig, socket: string): Promise<Finding[]> {
  let talk: Talk;
  try {
    talk = await Talk.open(socket, TIMEOUT_MS);
  } catch {
    // Said elsewhere.
    return [];
  }
  using open = talk;
  const telling: string[] = [];
  try {
    for (const jail of (await jailsOf(open)).filter((name) => takesSharedBans(config, name))) {
      const actions = await tellingActions(open, jail);
      if (actions.length > 0) telling.push(`${jail} (${actions.join(', ')})`);
    }
  } catch (error) {
    if (!(error instanceof TalkError)) throw error;
  }
  return telling.length === 0 ? [] : [warning(telling)];
}

/** Whether bans of the fleet come into a local jail. */
export function takesSharedBans(
  { follow, apply }: Pick<ClientConfig, 'follow' | 'apply'>,
  jail: string,
): boolean {
  if (jail === apply.missingJail || [...apply.jails.values()].includes(jail)) return true;
  const isFollowed = follow.jails.includes('*') || follow.jails.includes(jail);
  return isFollowed && !apply.jails.has('*') && !apply.jails.has(jail);
}

async function tellingActions(talk: Talk, jail: string): Promise<string[]> {
  const telling: string[] = [];
  for (const action of await actionsOf(talk, jail)) {
    const command = await commandOfAction(talk, jail, action, 'actionban').catch(unlessRefused);
    if (isNoFirewall(action, command)) telling.push(action);
  }
  return telling;
}

/** Whether an action of fail2ban tells somebody of a ban, as far as its name and its command show. */
export function isNoFirewall(action: string, command: string): boolean {
  // A report of banshare's own is known as an echo.
  if (command.includes('banshare-report') || FIREWALLS.test(action)) return false;
  return TELLS.test(action) || RUNS.test(command);
}

function warning(telling: readonly string[]): Finding {
  const names = someOf(telling, MOST_NAMED);
  return {
    ok: true,
    isWarning: true,
    says: `Each shared ban runs actions here that are no firewall, on every host that has them: ${names}. Have shared bans in the jail banshare, which only bans, and set in client.toml: [apply.jails] "*" = "banshare".`,
  };
}

/** An action in Python has no command. */
function unlessRefused(error: unknown): string {
  if (error instanceof TalkError && error.fault === 'raised') return '';
  throw error;
}
