import { splitWords, type ClientConfig } from '@banshare/runtime';
import { jailsOf } from '../fail2ban/requests.ts';
import { Talk, TalkError } from '../fail2ban/connection.ts';
import { howEnded, isProgram, type Ended } from '../host/exec.ts';
import { clientOf, itemsIn, jailsListed, saysNoSuchJail } from '../fail2ban/client.ts';

/** What each jail of fail2ban lists in `ignoreip`, as it is written. */
export type IgnoreLists = ReadonlyMap<string, readonly string[]>;

/** Asks fail2ban what its jails ignore; undefined where there is none to be asked this way. @throws where it runs and fails. */
export type IgnoreReader = () => Promise<IgnoreLists | undefined>;

const TIMEOUT_MS = 5000;

/** Asks over fail2ban's socket. */
export function readerOverSocket(socket: string): IgnoreReader {
  return async () => {
    try {
      using talk = await Talk.open(socket, TIMEOUT_MS);
      const lists = new Map<string, string[]>();
      for (const jail of await jailsOf(talk)) lists.set(jail, await ignoredIn(talk, jail));
      return lists;
    } catch (error) {
      if (error instanceof TalkError && error.fault === 'down') return undefined;
      throw error;
    }
  };
}

async function ignoredIn(talk: Talk, jail: string): Promise<string[]> {
  try {
    const answer = await talk.ask(['get', jail, 'ignoreip']);
    return answer.is === 'list' ? answer.items.flatMap((item) => (item.is === 'text' ? item.text : [])) : [];
  } catch (error) {
    // It may have been removed since it was listed.
    if (error instanceof TalkError && error.raised === 'UnknownJailException') return [];
    throw error;
  }
}

/** Where bans go by a command of fail2ban's client, asks that client too: its socket may be anywhere, in a container as well. */
export function readerByClient(
  config: Pick<ClientConfig, 'apply' | 'enforcer'>,
  run: (words: readonly string[]) => Promise<Ended>,
): IgnoreReader | undefined {
  const client = clientWords(config);
  if (client === undefined) return undefined;
  const ask = async (...words: string[]): Promise<Ended> => run([...client, ...words]);
  return async () => {
    if (!isProgram(client[0] ?? '')) return undefined;
    const status = await ask('status');
    const listed = jailsListed(status.stdout);
    if (status.code !== 0 || listed === undefined)
      throw new Error(`${client.join(' ')} status: ${whyNot(status)}`);
    const lists = new Map<string, string[]>();
    for (const jail of listed) {
      const ignored = await ask('get', jail, 'ignoreip');
      if (ignored.code === 0) lists.set(jail, itemsIn(ignored.stdout));
      else if (!saysNoSuchJail(ignored))
        throw new Error(`${client.join(' ')} get ${jail} ignoreip: ${whyNot(ignored)}`);
    }
    return lists;
  };
}

/** How fail2ban's client is called, where bans go by a command of it. */
function clientWords({ apply, enforcer }: Pick<ClientConfig, 'apply' | 'enforcer'>): string[] | undefined {
  const kinds = enforcer.length > 0 ? enforcer.map(({ kind }) => kind) : [apply.enforcer];
  const split = splitWords(apply.command);
  return kinds.includes('command') && split.ok ? clientOf(split.value) : undefined;
}

function whyNot(ended: Ended): string {
  const { isTooLong, stderr, stdout } = ended;
  if (isTooLong === true) return stderr;
  return `${howEnded(ended)}: ${(stderr.trim() || stdout.trim()).split('\n', 1)[0] ?? ''}`.slice(0, 200);
}
