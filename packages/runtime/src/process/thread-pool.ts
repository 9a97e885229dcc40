import { access } from 'node:fs';

const NUDGE_MS = 1000;

/**
 * Has Node's pool of threads, which reads files and looks up names, go on within a second where it has overslept a piece of work.
 *
 * glibc before 2.41 (Debian 12, Ubuntu 22.04 and 24.04) may lose the call that wakes a waiting thread (its bug 25847; seen here with
 * four idle threads beside one `write` that none of them took). Nothing else in the process shows it: what was asked is
 * simply never answered, until the next question calls again. So one is asked, which costs 20 to 30 µs.
 */
export function keepPoolAwake(everyMs = NUDGE_MS): void {
  // Whoever has nothing else to do may end.
  setInterval(() => access('/', () => {}), everyMs).unref();
}
