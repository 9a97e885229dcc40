import { splitWords, type ClientConfig } from '@banshare/runtime';
import type { Finding } from './diagnose.ts';
import type { Ended } from './exec.ts';

/** Jails asked for their actions at most: each question is a Python start of 60 ms. */
const MOST_JAILS = 30;

/** Looks whether fail2ban runs, has the jail for foreign bans, and reports from at least one jail. */
export async function diagnoseFail2ban(
  config: ClientConfig,
  run: (words: string[]) => Promise<Ended>,
): Promise<Finding[]> {
  const words = splitWords(config.apply.command);
  const client = words.ok ? (words.value[0] ?? '') : '';
  if (!client.endsWith('fail2ban-client')) return [];
  const status = await run([client, 'status']);
  if (status.code !== 0) {
    const why = status.code === null ? `${client} cannot be run` : 'fail2ban does not run';
    return [
      { ok: false, says: `${why}: ${(status.stderr || status.stdout).trim().split('\n', 1)[0] ?? ''}` },
    ];
  }
  const jails =
    /Jail list:\s*(.*)/
      .exec(status.stdout)?.[1]
      ?.split(/[,\s]+/)
      .filter((jail) => jail !== '') ?? [];
  const findings: Finding[] = [];
  const { missingJail } = config.apply;
  if (!jails.includes(missingJail)) {
    findings.push({
      ok: false,
      says: `fail2ban has no jail "${missingJail}": bans whose own jail is missing here cannot be applied. Reload fail2ban.`,
    });
  }
  const reporting: string[] = [];
  for (const jail of jails.filter((name) => name !== missingJail).slice(0, MOST_JAILS)) {
    const actions = await run([client, 'get', jail, 'actions']);
    if (/(^|[\s,])banshare([\s,]|$)/m.test(actions.stdout.split('\n').slice(1).join('\n')))
      reporting.push(jail);
  }
  findings.push(
    reporting.length > 0
      ? { ok: true, says: `These jails report: ${reporting.join(', ')}.` }
      : {
          ok: false,
          says: 'No jail reports: add the action banshare to the jails that shall report, then run fail2ban-client reload --restart JAIL.',
        },
  );
  return findings;
}
