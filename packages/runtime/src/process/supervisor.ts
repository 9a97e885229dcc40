import { errorText } from '../log/log-line.ts';
import type { Channel } from './systemd-notify.ts';

/** Who watches over this process, which is systemd where its unit says so; elsewhere nobody, and nothing is done. */
export type Supervisor = {
  /** Says that the process is ready, once. */
  ready(): void;
  /**
   * Says what a start does that may take so many seconds more, which nobody else could know of: fulfilled once that is said, or cannot be. The
   * loop may be held from then on. Behind ready() nothing is said.
   */
  starting(what: string, seconds: number): Promise<void>;
  /** Leaves nothing behind that runs. */
  close(): Promise<void>;
};

const NOBODY: Supervisor = {
  ready: () => undefined,
  starting: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

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
  const every = feedMs(env);
  let [isReady, hasComplained, hasStatus, isClosed]: boolean[] = [false, false, false, false];
  let telling: Promise<void> | undefined;
  const say = (words: readonly string[]): Promise<void> => {
    const saysReady = words.includes('READY=1');
    telling = channel
      .tell(words)
      .catch((error: unknown) => {
        if (!hasComplained && !isClosed)
          complain(`Cannot tell systemd that all is well: ${errorText(error)}`);
        hasComplained = true;
      })
      .finally(() => {
        telling = undefined;
        // It became ready meanwhile: whoever waits for that waits no longer.
        if (isReady && !saysReady && !isClosed) feed();
      });
    return telling;
  };
  const feed = (): void => {
    // One that systemd leaves unread is not joined by another.
    if (telling !== undefined) return;
    const after = hasStatus ? ['STATUS=', ...watchdogOf(every)] : [];
    void say(isReady ? ['READY=1', 'WATCHDOG=1', ...after] : ['WATCHDOG=1']);
  };
  const timer = every === undefined ? undefined : setInterval(feed, every);
  return {
    ready: () => {
      if (isReady) return;
      isReady = true;
      feed();
    },
    starting: async (what, seconds) => {
      while (telling !== undefined) await telling;
      if (isReady) return;
      hasStatus = true;
      // A program that began anew is watched already: a loop that is held longer needs more than the unit says.
      const isHeld = every !== undefined && seconds * 1000 > every * FEEDS;
      const watchdog = isHeld ? ['WATCHDOG=1', ...watchdogOf((seconds * 1000) / FEEDS)] : [];
      await say([`EXTEND_TIMEOUT_USEC=${seconds * 1_000_000}`, `STATUS=${what}`, ...watchdog]);
    },
    close: async () => {
      // What is not told by now is cut off, which is no fault; nothing else is told after it.
      isClosed = true;
      clearInterval(timer);
      await channel.close();
    },
  };
}

/** How long systemd waits for the next feed, given the milliseconds between two. */
function watchdogOf(every: number | undefined): readonly string[] {
  return every === undefined ? [] : [`WATCHDOG_USEC=${Math.round(every * FEEDS * 1000)}`];
}

/** Milliseconds between two feeds; undefined where nobody waits for them, or for those of another process. */
function feedMs({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(WATCHDOG_USEC);
  if (!Number.isFinite(microseconds) || microseconds <= 0) return undefined;
  if (WATCHDOG_PID !== undefined && Number(WATCHDOG_PID) !== process.pid) return undefined;
  return Math.max(1, microseconds / 1000 / FEEDS);
}
