import { type ClientConfig, someOf, splitWords } from '@banshare/runtime';
import { actionsOf, commandOfAction, jailsOf } from '../fail2ban/requests.ts';
import { Talk, TalkError } from '../fail2ban/connection.ts';
import type { Ended } from '../host/exec.ts';
import type { Finding } from './finding.ts';

/** Jails asked for their actions at most where fail2ban-client has to ask: each question is a Python start of 60 ms. */
const MOST_JAILS = 30;
const TIMEOUT_MS = 10_000;
/** What an action runs that reports, whatever the action is called. */
const REPORTER = 'banshare-report';

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
  const [, list = ''] = /Jail list:\s*(.*)/.exec(status.stdout) ?? [];
  const jails = list.split(/[,\s]+/).filter((jail) => jail !== '');
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
