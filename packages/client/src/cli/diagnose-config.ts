import { splitWords, type ClientConfig } from '@banshare/runtime';
import type { Finding } from './finding.ts';

/** As a word of the command it is replaced by an address, and SRCIPS by several. */
const ADDRESS = /(?<![A-Z0-9])SRCIP(?![A-Z0-9])|^SRCIPS$/;

/** What client.toml says that may be meant, and by which this host bans nobody: said by status, and by --check before it is in use. */
export function diagnoseConfig(config: ClientConfig): Finding[] {
  return [...diagnoseCommands(config), ...diagnoseNeverBan(config)];
}

/** Each command of the administrator's that is told no address: it ends well, counts as applied, and bans or lifts nobody. */
function diagnoseCommands({ apply, enforcer }: ClientConfig): Finding[] {
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

/** It may be meant, to look on for a while, so it is no fault. */
function diagnoseNeverBan({ neverBan }: ClientConfig): Finding[] {
  const all = neverBan.addresses.filter((range) => range.endsWith('/0'));
  if (all.length === 0) return [];
  const says = `No address in ${all.join(' and ')} is banned on this host, since [never-ban] addresses of client.toml has all of it.`;
  return [{ ok: true, isWarning: true, says }];
}
