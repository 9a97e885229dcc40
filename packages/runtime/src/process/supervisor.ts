import { errorText } from '../log/log-line.ts';
import type { Channel } from './systemd-notify.ts';

/** Who watches over this process, which is systemd where its unit says so; elsewhere nobody, and nothing is done. */
export type Supervisor = {
  /** Says that the process is ready, once. */
  ready(): void;
  /** Leaves nothing behind that runs. */
  close(): Promise<void>;
};

const NOBODY: Supervisor = { ready: () => undefined, close: () => Promise.resolve() };

/** A feed may fail twice in a row before systemd takes the loop for deaf. */
const FEEDS = 3;

/**
 * Tells systemd that the process is ready, and that its loop turns: that is said by the loop's own timer, so that one which is deaf says
 * it no more, and is started again. A program that begins anew in its process is watched before it is ready, and may wait for its database. Whatever fails here, the process goes on.
 * @param complain hears once why systemd cannot be told.
 */
export async function supervisorOf(
  complain: (text: string) => void,
  env: NodeJS.ProcessEnv = process.env,
  given?: Channel,
): Promise<Supervisor> {
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return NOBODY;
  // Only here: nobody else starts a process for it.
  const channel = given ?? new (await import('./systemd-notify.ts')).SystemdNotify();
  let [isReady, isTelling, hasComplained] = [false, false, false];
  const feed = (): void => {
    // One that systemd leaves unread is not joined by another.
    if (isTelling) return;
    isTelling = true;
    const saysReady = isReady;
    channel
      .tell(saysReady ? ['READY=1', 'WATCHDOG=1'] : ['WATCHDOG=1'])
      .catch((error: unknown) => {
        if (!hasComplained) complain(`Cannot tell systemd that all is well: ${errorText(error)}`);
        hasComplained = true;
      })
      .finally(() => {
        isTelling = false;
        // It became ready meanwhile: whoever waits for that waits no longer.
        if (isReady && !saysReady) feed();
      });
  };
  const every = feedMs(env);
  const timer = every === undefined ? undefined : setInterval(feed, every);
  return {
    ready: () => {
      if (isReady) return;
      isReady = true;
      feed();
    },
    close: async () => {
      clearInterval(timer);
      await channel.close();
    },
  };
}

/** Milliseconds between two feeds; undefined where nobody waits for them, or for those of another process. */
function feedMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(WATCHDOG_USEC);
  if (!Number.isFinite(microseconds) || microseconds <= 0) return undefined;
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return undefined;
  return Math.max(1, microseconds / 1000 / FEEDS);
}
