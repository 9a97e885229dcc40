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

/** `|- 127.0.0.0/8` and `` `- home.example.org ``, one a line. */
export function itemsIn(text: string): string[] {
  return [...text.matchAll(/^[|`]- (\S+)$/gm)].flatMap(([, item]) => item ?? []);
}
