import { type ClientConfig, FAIL2BAN_COMMANDS } from '@banshare/runtime';

/** Whether bans are told to fail2ban's client as a fresh client.toml has it: then its socket does as well. */
export function isFail2banCommand({
  apply: { command, unbanCommand },
}: Pick<ClientConfig, 'apply'>): boolean {
  return command === FAIL2BAN_COMMANDS.ban && unbanCommand === FAIL2BAN_COMMANDS.unban;
}

/** The words of a command before what fail2ban's client is told, with its own options; undefined where it is another command. */
export function clientOf(command: readonly string[]): string[] | undefined {
  const at = command.findIndex((word) => /(^|\/)fail2ban-client$/.test(word));
  const end = command.indexOf('set', at);
  return at === -1 || end === -1 ? undefined : command.slice(0, end);
}

/** The jails that `status` names; undefined where that is no answer of it. */
export function jailsListed(status: string): string[] | undefined {
  const list = /Jail list:\s*(.*)/.exec(status)?.[1];
  return list?.split(/[,\s]+/).filter((jail) => jail !== '');
}

/** Whether it said that a jail does not exist; it exits 255, as for every other fault. */
export function saysNoSuchJail({ stdout, stderr }: { stdout: string; stderr: string }): boolean {
  return /UnknownJailException|jail '[^']*' does not exist/.test(stderr + stdout);
}

/** `|- 127.0.0.0/8` and `` `- home.example.org ``, one a line. */
export function itemsIn(text: string): string[] {
  return [...text.matchAll(/^[|`]- (\S+)$/gm)].flatMap(([, item]) => item ?? []);
}
