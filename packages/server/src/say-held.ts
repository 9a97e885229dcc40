import type { Log } from '@banshare/runtime';
import type { Intake } from './intake/intake.ts';
import { LIMIT_ENTRY, type Audit } from './ledger/books/audit.ts';
import type { Ledger } from './ledger/ledger.ts';

/** That new bans are held is said once in so many seconds for the same reason. */
const QUIET_SECONDS = 600;

/**
 * Says in the log and the audit log, once for each time that a limit is reached, that new bans are held: a host that reports one and takes it
 * back, again and again, reaches it each time.
 */
export function heldNotice(
  { ledger, log, clock }: { ledger: Ledger; log: Log; clock: { now: () => number } },
  audit: Audit,
): ConstructorParameters<typeof Intake>[0]['notices']['held'] {
  let said: { what: string; at: number } | undefined;
  return (count, { code = '', reason = '' }) => {
    const now = clock.now();
    // Of a freeze the reason tells for how long it has been so, and is another with each second.
    const what = code === 'frozen' ? code : reason;
    const isSaid = said?.what === what && now - said.at < QUIET_SECONDS;
    if (isSaid || ledger.countHeld() > count) return undefined;
    audit.note(LIMIT_ENTRY, { reason }, now);
    return () => {
      // Behind the commit: a piece may run again.
      said = { what, at: now };
      const text =
        'A limit or a freeze holds new bans: decide with banshare-server held publish or held discard';
      log.error(text, { reason });
    };
  };
}
