import { html } from 'hono/html';
import type { Html } from './parts.ts';

/** The commands that sentences of attention.ts name, as somebody would type them; behind each the sentence goes on. */
const COMMANDS = new RegExp(
  [
    String.raw`(?:banshare-server )?hosts (?:approve|mute|revoke|forget) [^\s,;:]+(?: --for \w+)?`,
    String.raw`(?:banshare-server )?held (?:publish|discard)`,
    String.raw`banshare-server never-ban (?:add|remove) [^\s,;:]+`,
    String.raw`banshare-server web link --as [^\s,;:]+`,
    String.raw`banshare-server audit --verify`,
    String.raw`banshare-server (?:unban|explain) [^\s,;:]*[^\s,;:.]`,
    String.raw`banshare-server ban [^\s,;]+ --force`,
    String.raw`banshare-server undo --host [^\s,;]+ --since \w+`,
    String.raw`banshare-server enrolment (?:open|approve|closed)`,
    String.raw`banshare-server (?:thaw|drill|token add|restore --from-replica)`,
    String.raw`banshare-server ledger (?:invite|join|leave|move)(?: FILE)?`,
    String.raw`banshare-client (?:status|resume|bans)`,
    String.raw`journalctl -u banshare-server`,
    String.raw`systemctl (?:start|restart|status) banshare-(?:server|client|web|outside)`,
  ].join('|'),
  'g',
);

/** A sentence whose commands look like commands. */
export function withCommands(text: string): Html {
  const parts: unknown[] = [];
  let end = 0;
  for (const match of text.matchAll(COMMANDS)) {
    parts.push(text.slice(end, match.index), html`<code>${match[0]}</code>`);
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return html`${parts}`;
}
