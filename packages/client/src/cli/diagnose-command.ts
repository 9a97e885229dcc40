import { splitWords, type ClientConfig } from '@banshare/runtime';
import type { Finding } from './finding.ts';

/** As a word of the command it is replaced by an address, and SRCIPS by several. */
const ADDRESS = /(?<![A-Z0-9])SRCIP(?![A-Z0-9])|^SRCIPS$/;

/** Each command of the administrator's that is told no address: it ends well, counts as applied, and bans or lifts nobody. */
export function diagnoseCommands({ apply, enforcer }: ClientConfig): Finding[] {
  const kinds = enforcer.length > 0 ? enforcer.map(({ kind }) => kind) : [apply.enforcer];
  if (!kinds.includes('command')) return [];
  const commands = [
    { key: 'command', text: apply.command, deed: 'bans' },
    { key: 'unban-command', text: apply.unbanCommand, deed: 'lifts' },
  ];
  return commands.flatMap(({ key, text, deed }) => {
    const words = splitWords(text);
    if (!words.ok || words.value.some((word) => ADDRESS.test(word))) return [];
    const says = `[apply] ${key} of client.toml has no SRCIP: it is told no address, so it ${deed} nobody, whatever is counted here as in place. Put SRCIP where the address belongs, and restart banshare-client.`;
    return [{ ok: false, says }];
  });
}
