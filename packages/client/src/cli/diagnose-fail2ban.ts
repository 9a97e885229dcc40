import { type ClientConfig, someOf, splitWords } from '@banshare/runtime';
import { actionsOf, commandOfAction, ignoreCommandOf, jailsOf } from '../fail2ban/requests.ts';
import { Talk, TalkError } from '../fail2ban/connection.ts';
import { jailsListed } from '../fail2ban/client.ts';
import type { Ended } from '../host/exec.ts';
import type { Finding } from './finding.ts';

/** Jails asked for their actions at most where fail2ban-client has to ask: each question is a Python start of 60 ms. */
const MOST_JAILS = 30;
/** Jails named in one sentence. */
const MOST_NAMED = 5;
const TIMEOUT_MS = 10_000;
/** What an action runs that reports, whatever the action is called. */
const REPORTER = 'banshare-report';
/** By their names: actions of fail2ban that tell somebody, and have no command to look at where they are written in Python. */
const TELLS =
  /^(sendmail|mail|smtp|complain|abuseipdb|blocklist_de|badips|dshield|mynetwatchman|xarf|apprise|ipthreat)/;
/** By what they run: a mail, a query, a message. */
const RUNS = /(?:^|[\s/|(;`])(sendmail|mailx?|msmtp|mutt|whois|curl|wget|ntfy|logger-xmpp)\s/m;
/** They ask over the network, and ban there. */
const FIREWALLS = /cloudflare|netscaler|firewall|nftables|iptables|ipset/i;

export type Fail2banHost = {
  socket: string;
  /** Runs a program, where the socket is elsewhere. */
  run: (words: string[]) => Promise<Ended>;
  /** The logs that a banshare-report of this host follows: it reports for every jail in them. */
  followed: () => readonly string[];
};

/** What fail2ban has: its jails, and those that report. `isWhole`: every jail was asked. */
type Found = { jails: string[]; reporting: string[]; isWhole: boolean };

/** Looks whether fail2ban runs, has the jail for foreign bans, and whether what it finds is reported. */
export async function diagnoseFail2ban(config: ClientConfig, host: Fail2banHost): Promise<Finding[]> {
  const words = splitWords(config.apply.command);
  const client = words.ok ? (words.value[0] ?? '') : '';
  if (!client.endsWith('fail2ban-client')) return [];
  try {
    const found = (await askSocket(host.socket)) ?? (await askClient(client, host.run));
    const { missingJail } = config.apply;
    const isThere = found.jails.includes(missingJail);
    return [...(isThere ? [] : [noMissingJail(missingJail)]), reportingFinding(found, host.followed())];
  } catch (error) {
    return [{ ok: false, says: (error as Error).message }];
  }
}

/** By fail2ban's socket; undefined where nothing answers there. @throws TalkError where it answers strangely. */
async function askSocket(socket: string): Promise<Found | undefined> {
  let talk: Talk;
  try {
    talk = await Talk.open(socket, TIMEOUT_MS);
  } catch {
    return undefined;
  }
  using open = talk;
  const jails = await jailsOf(open);
  const answers = await Promise.all(jails.map(async (jail) => ((await reports(open, jail)) ? [jail] : [])));
  return { jails, reporting: answers.flat(), isWhole: true };
}

/** Whether any action of a jail calls the reporter: one that is made with `actname=` is called otherwise. @throws TalkError. */
async function reports(talk: Talk, jail: string): Promise<boolean> {
  const actions = await actionsOf(talk, jail);
  const commands = await Promise.all(
    actions.map((action) => commandOfAction(talk, jail, action, 'actionban').catch(unlessRefused)),
  );
  return commands.some((command) => command.includes(REPORTER));
}

/** An action in Python has no command. */
function unlessRefused(error: unknown): string {
  if (error instanceof TalkError && error.fault === 'raised') return '';
  throw error;
}

/** By fail2ban-client, where its socket is elsewhere. @throws a sentence that says why fail2ban does not answer. */
async function askClient(client: string, run: Fail2banHost['run']): Promise<Found> {
  const status = await run([client, 'status']);
  if (status.code !== 0) {
    const why = status.code === null ? `${client} cannot be run` : 'fail2ban does not run';
    throw new Error(`${why}: ${(status.stderr || status.stdout).trim().split('\n', 1)[0] ?? ''}`);
  }
  const jails = jailsListed(status.stdout) ?? [];
  const reporting: string[] = [];
  const asked = jails.slice(0, MOST_JAILS);
  for (const jail of asked) {
    const { stdout } = await run([client, 'get', jail, 'actions']);
    const actions = stdout
      .split('\n')
      .slice(1)
      .join('\n')
      .split(/[\s,]+/);
    for (const action of actions.filter((name) => name !== '')) {
      const isOurs =
        action === 'banshare' ||
        (await run([client, 'get', jail, 'action', action, 'actionban'])).stdout.includes(REPORTER);
      if (!isOurs) continue;
      reporting.push(jail);
      break;
    }
  }
  return { jails, reporting, isWhole: asked.length === jails.length };
}

function noMissingJail(name: string): Finding {
  return {
    ok: false,
    says: `fail2ban has no jail "${name}": bans whose own jail is missing here cannot be applied. Reload fail2ban.`,
  };
}

function reportingFinding({ reporting, isWhole }: Found, followed: readonly string[]): Finding {
  if (followed.length > 0)
    return { ok: true, says: `banshare-report follows ${followed.join(', ')}: the jails in it report.` };
  if (reporting.length > 0) {
    const names = someOf(reporting);
    return { ok: true, says: `These jails report: ${names}.` };
  }
  if (!isWhole)
    return {
      ok: true,
      says: `None of the first ${MOST_JAILS} jails reports; the others were not asked, since fail2ban's socket is elsewhere.`,
    };
  return {
    ok: false,
    says: 'No jail reports: add the action banshare to the jails that shall report, then run fail2ban-client reload --restart JAIL.',
  };
}

/**
 * Looks for actions that are no firewall in the jails that take shared bans: a mail, a whois query or a report to AbuseIPDB for each
 * ban of the fleet, from every host; and for whom they leave alone by a command, which is asked for no shared ban. Nothing is found where fail2ban's socket does not answer.
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
  const ignoring: string[] = [];
  try {
    for (const jail of (await jailsOf(open)).filter((name) => takesSharedBans(config, name))) {
      const actions = await tellingActions(open, jail);
      if (actions.length > 0) telling.push(`${jail} (${actions.join(', ')})`);
      if (ownIgnoreCommand(await ignoreCommandOf(open, jail)) !== '') ignoring.push(jail);
    }
  } catch (error) {
    if (!(error instanceof TalkError)) throw error;
  }
  return [
    ...(telling.length === 0 ? [] : [sharedActionsFinding(telling)]),
    ...(ignoring.length === 0 ? [] : [ignoreCommandFinding(ignoring)]),
  ];
}

/** What an administrator's own command is of a jail's: banshare's, for recidive, asks it behind itself. '' where there is none. */
export function ownIgnoreCommand(command: string): string {
  const chained = /\/shared-ban [^|]*\|\| \(false;(.*)\)$/s.exec(command.trim())?.[1];
  return (chained ?? (command.includes('/shared-ban ') ? '' : command)).trim();
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

function ignoreCommandFinding(jails: readonly string[]): Finding {
  const names = someOf(jails, MOST_NAMED);
  return {
    ok: true,
    isWarning: true,
    says: `Whom the ignorecommand of fail2ban leaves alone (${names}) a shared ban may shut out: it is not asked for those, as ignoreip is. List them in ignoreip, or in [never-ban] of client.toml.`,
  };
}

function sharedActionsFinding(telling: readonly string[]): Finding {
  const names = someOf(telling, MOST_NAMED);
  return {
    ok: true,
    isWarning: true,
    says: `Each shared ban runs actions here that are no firewall, on every host that has them: ${names}. Have shared bans in the jail banshare, which only bans, and set in client.toml: [apply.jails] "*" = "banshare".`,
  };
}
