import { isRange } from '@banshare/protocol';
import { type Change, type Effect, RANGE } from '../bans/change.ts';

/**
 * For an enforcer that bans single addresses: has those carried out, and answers for ranges, of which it never hears. fail2ban
 * would say that it banned them, psad would ban their first address.
 */
export async function addressesOnly(
  kind: string,
  changes: readonly Change[],
  carryOut: (changes: readonly Change[]) => Promise<Effect[]>,
): Promise<Effect[]> {
  const single = changes.filter(({ ip }) => !isRange(ip));
  const answers = single.length === 0 ? [] : await carryOut(single);
  const effects = new Map(single.map((change, index) => [change, answers[index]]));
  return changes.map((change) => effects.get(change) ?? ofRange(change, kind));
}

/** No range is banned, so there is none to lift. */
function ofRange({ kind, localJail }: Change, enforcer: string): Effect {
  if (kind === 'unban') return { outcome: 'released', localJail };
  return { outcome: 'failed', reason: RANGE, localJail, unfit: [enforcer] };
}
