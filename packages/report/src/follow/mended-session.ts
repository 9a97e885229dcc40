import { openSession, type Session } from '../deliver/session.ts';
import type { Arguments } from '../words/arguments.ts';
import type { Ending } from '../words/ending.ts';
import { EXIT } from '@banshare/runtime';

/** So often is looked whether client.toml is mended. */
const LOOK_MS = 2000;

/**
 * A session, waited for while client.toml has a fault: whoever is writing it must not end a follower that nothing would start again. `waits`
 * hears that it has to, once; all else that is wrong, and a stop meanwhile, is an ending.
 */
export async function sessionOnceMended(
  options: Arguments,
  { say, waits = () => undefined }: { say: (line: string) => void; waits?: () => void },
  signal?: AbortSignal,
): Promise<Session | { ending: Ending }> {
  for (let hasSaid = false; ; hasSaid = true) {
    const session = await openSession(options);
    if (!('ending' in session) || session.isMendable !== true) return session;
    if (!hasSaid) {
      for (const line of (session.ending.says ?? '').split('\n')) say(line);
      say('it waits until that is mended, and reports then what was banned meanwhile');
      waits();
    }
    await pause(signal);
    if (signal?.aborted === true) return { ending: { code: EXIT.done } };
  }
}

function pause(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, LOOK_MS);
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end);
  });
}
