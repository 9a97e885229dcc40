import type { HostBook } from './host-book.ts';
import type { Ledger } from './ledger.ts';

/** Seconds without a word after which a host counts as silent; it acknowledges every 5 s. */
const SILENT_AFTER = 30;

/** How the fleet is: the shape that `status --json` prints (contract section 4). Times are epoch seconds. */
export type Status = {
  epoch: string;
  head: number;
  activeBans: number;
  hosts: number;
  converged: number;
  behind: { name: string; lag: number; lastSeen: number | null }[];
  generations: string[];
  startedAt: number;
};

/** Counts who has everything. */
export async function statusOf(
  parts: { ledger: Ledger; book: HostBook; generations: readonly { name: string }[]; startedAt: number },
  now: number,
): Promise<Status> {
  const { epoch, seq: head } = parts.ledger.head();
  const hosts = parts.book.all();
  const behind = hosts
    .map(({ name, position, lastSeen }) => {
      const applied = position?.epoch === epoch ? position.applied : 0;
      return { name, lag: head - applied, lastSeen };
    })
    .filter(({ lag, lastSeen }) => lag > 0 || lastSeen === null || now - lastSeen > SILENT_AFTER);
  return {
    epoch,
    head,
    activeBans: await parts.ledger.countActive(now),
    hosts: hosts.length,
    converged: hosts.length - behind.length,
    behind,
    generations: parts.generations.map(({ name }) => name),
    startedAt: parts.startedAt,
  };
}
