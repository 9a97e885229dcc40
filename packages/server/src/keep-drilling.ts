import type { FaultLog, Resources } from '@banshare/runtime';
import type { Claims } from './ledger/books/claims.ts';
import { lastDrill } from './ledger/books/last-drill.ts';
import type { OperateParts } from './operator/deeds/bans.ts';
import { drill as runDrill } from './operator/deeds/drill.ts';

const LOOK_MS = 10_000;
/** Hosts have found a server that has just started by then: they notice after 5 s that one is silent, and a handshake may take as long. */
const UPTIME_SECONDS = 30;
/** A server that dies in a drill leaves it to another after so long. */
const CLAIM_SECONDS = 60;

export type DrillingParts = OperateParts & {
  claims: Claims;
  /** What server.toml says now; undefined where nobody wants drills by the clock. */
  drill: { readonly everySeconds: number | undefined };
  startedAt: number;
};

/** Drills where it is time, and no other server does; returns whether it did. @throws when the ledger cannot be written. */
export async function drillWhereDue(parts: DrillingParts): Promise<boolean> {
  const { ledger, claims, startedAt, now } = parts;
  const { everySeconds } = parts.drill;
  const isDue = (): boolean =>
    everySeconds !== undefined &&
    now() - startedAt >= UPTIME_SECONDS &&
    now() - (lastDrill(ledger)?.at ?? -Infinity) >= everySeconds;
  if (!isDue()) return false;
  const mayNot = { ok: false, code: 'claimed', reason: 'another server drills, or has' } as const;
  const reply = await runDrill(parts, {
    by: 'clock',
    refuse: () => (isDue() && claims.take('drill', CLAIM_SECONDS) ? undefined : mayNot),
  });
  return reply.ok;
}

/** Drills by the clock, once every so often for the whole fleet. */
export function keepDrilling(
  parts: DrillingParts & { faults: Pick<FaultLog, 'fault' | 'over'> },
  resources: Pick<Resources, 'own'>,
): void {
  const { faults } = parts;
  let [isBusy, isStopped] = [false, false];
  const look = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      await drillWhereDue(parts);
      faults.over('drill by the clock');
    } catch (error) {
      // A drill that the end of the server cut short is no fault: its ban ends by itself.
      if (!isStopped) faults.fault('drill by the clock', 'Cannot drill', { error: (error as Error).message });
    } finally {
      isBusy = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  resources.own('the drills', () => {
    isStopped = true;
    clearInterval(timer);
  });
}
