import type { AskedRequest } from '@banshare/runtime';
import type { ACTIONS } from './actions.ts';

/** By which socket somebody asks: root's own, that of the group of operators, that of the page's process, or of the one that sends messages. */
export type Door = 'root' | 'operators' | 'page' | 'outside';

/**
 * What may be asked by another socket than root's. `look` changes nothing; `act` is a deed, of operators and, where `[web] acts`
 * says so, of the page; `command` is a deed of operators alone; `login` is the page's alone, `message` that of who sends messages. What is not here only root may ask.
 */
export const ALLOWED: Readonly<
  Partial<Record<keyof typeof ACTIONS, 'look' | 'act' | 'command' | 'login' | 'message'>>
> = {
  ping: 'look',
  status: 'look',
  metrics: 'look',
  hosts: 'look',
  overview: 'look',
  bans: 'look',
  events: 'look',
  history: 'look',
  top: 'look',
  where: 'look',
  words: 'look',
  explain: 'look',
  audit: 'look',
  'news-since': 'look',
  'bans-after': 'look',
  ban: 'act',
  unban: 'act',
  undo: 'act',
  'change-host': 'act',
  'mute-host': 'act',
  'unmute-host': 'act',
  'never-ban': 'act',
  release: 'act',
  drop: 'act',
  held: 'act',
  freeze: 'act',
  thaw: 'act',
  drill: 'act',
  'admit-hosts': 'command',
  token: 'command',
  enrolment: 'command',
  import: 'command',
  reload: 'command',
  'page-link': 'command',
  'page-login': 'login',
  attention: 'message',
};

/** Actions that only tell something where their argument `action` is one of these, or is left out. */
const TELLS: Readonly<Record<string, readonly unknown[]>> = {
  'never-ban': ['list'],
  held: [undefined],
  token: ['list'],
};

/** Whether a request changes anything, or might: who asks for it belongs into the audit log. */
export function isDeed({
  command,
  args = {},
}: Pick<AskedRequest, 'command'> & Partial<AskedRequest>): boolean {
  const kind = kindOf(command);
  return kind !== 'look' && kind !== 'message' && TELLS[command]?.includes(args['action']) !== true;
}

/** Why something may not be asked by a socket; undefined where it may. `acts` is whether the page may do anything. */
export function refusalAt(door: Door, request: AskedRequest, acts: boolean): string | undefined {
  if (door === 'root') return undefined;
  const kind = kindOf(request.command);
  if (kind === undefined)
    return `${request.command} may not be asked here: only root may, on the server's machine`;
  if (door === 'outside' || kind === 'message')
    return door === 'outside' && (kind === 'message' || request.command === 'ping')
      ? undefined
      : `${request.command} may not be asked here`;
  if (!isDeed(request)) return undefined;
  if (door === 'operators')
    return kind === 'login' ? `${request.command} may not be asked here: it is the page's alone` : undefined;
  if (kind === 'login') return undefined;
  if (kind === 'command')
    return `${request.command} may not be asked by the page: it is a command of root and of the group banshare-operators`;
  return acts
    ? undefined
    : 'the page may only look: [web] acts = true in server.toml and a reload of banshare-server let it act';
}

function kindOf(command: string): (typeof ALLOWED)[keyof typeof ALLOWED] {
  return Object.hasOwn(ALLOWED, command) ? ALLOWED[command as keyof typeof ALLOWED] : undefined;
}
