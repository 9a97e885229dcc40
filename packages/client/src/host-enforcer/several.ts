import type { Enforcer } from '../enforcers/enforcer.ts';
import { type Change, type Effect, RANGE, reasonOf } from '../bans/change.ts';

/** Which bans an enforcer is for: '*' stands for all; `also` are further ones. */
export type Meant = {
  jails: readonly string[];
  progs: readonly string[];
  also?: readonly Omit<Meant, 'also'>[];
};

/** An enforcer and the bans that it is for. */
export type Part = { enforcer: Enforcer } & Meant;

/** What counts of a ban for whom it is for. */
type Covered = { prog: string; jail: string };

/** Whether an enforcer is for a ban. */
export function covers({ jails, progs, also = [] }: Meant, ban: Covered): boolean {
  const has = (list: readonly string[], name: string): boolean => list.includes('*') || list.includes(name);
  return (has(jails, ban.jail) && has(progs, ban.prog)) || also.some((more) => covers(more, ban));
}

/** All enforcers as one; one that is for everything stays what it is. */
export function asOne(parts: readonly Part[]): Enforcer {
  const [first, ...more] = parts;
  return first !== undefined && more.length === 0 && isForAll(first)
    ? first.enforcer
    : severalEnforcers(parts);
}

function isForAll({ jails, progs, also = [] }: Meant): boolean {
  return (jails.includes('*') && progs.includes('*')) || also.some(isForAll);
}

/** Several enforcers at once, each for its own bans. */
function severalEnforcers(parts: readonly Part[]): Enforcer {
  const enforcers = parts.map(({ enforcer }) => enforcer);
  return {
    kind: enforcers.map(({ kind }) => kind).join(' and '),
    get kinds() {
      return enforcers.map(({ kind }) => kind);
    },
    get mostAtOnce() {
      return Math.min(...enforcers.map(({ mostAtOnce }) => mostAtOnce));
    },
    isSerial: true,
    reach: enforcers.some(({ reach }) => reach === 'host') ? 'host' : 'jail',
    takesRanges:
      enforcers.every(({ takesRanges }) => takesRanges) ||
      // An enforcer for the whole host that takes ranges is enough: nothing gets through there, whatever those beside it cannot do.
      parts.some((part) => isForAll(part) && part.enforcer.reach === 'host' && part.enforcer.takesRanges),
    carryOut: async (changes) => {
      const effects = changes.map((): Answer[] => []);
      for (const part of parts) {
        const mine = [...changes.entries()].filter(([, change]) => covers(part, change));
        if (mine.length === 0) continue;
        const answers = await part.enforcer.carryOut(mine.map(([, change]) => narrowed(change, part)));
        for (const [at, [index]] of mine.entries()) {
          const effect = answers[at];
          if (effect !== undefined) effects[index]?.push({ effect, part });
        }
      }
      return changes.map((change, index) => merged(change, effects[index] ?? []));
    },
    check: async () => (await Promise.all(enforcers.map((enforcer) => enforcer.check()))).flat(),
    unproven: async () =>
      (await Promise.all(enforcers.map((enforcer) => enforcer.unproven?.() ?? Promise.resolve([])))).flat(),
  };
}

/** Other bans of the address count only where the enforcer is for them too. */
function narrowed(change: Change, part: Part): Change {
  return { ...change, others: change.others.filter((other) => covers(part, other)) };
}

/**
 * One effect of all: it failed where any failed, and it was there `already` where fail2ban had it already, so that the end of
 * the shared ban does not lift what is this host's own. A range counts as applied where one of them has banned it, since
 * nothing gets through there; those that cannot are named beside it.
 */
function merged(change: Change, all: readonly Answer[]): Effect {
  const unfit = all.flatMap(({ effect }) => effect.unfit ?? []);
  const fit = all.filter(({ effect }) => effect.unfit === undefined);
  if (unfit.length > 0 && fit.every(({ effect }) => effect.outcome === 'skipped'))
    return { outcome: 'failed', reason: RANGE, localJail: change.localJail, unfit };
  const effect = mergedOf(change, fit);
  return unfit.length === 0 || effect.outcome === 'failed' ? effect : { ...effect, unfit };
}

type Answer = { effect: Effect; part: Part };

function mergedOf({ localJail }: Change, all: readonly Answer[]): Effect {
  const jailed = all.find(
    ({ part, effect }) => part.enforcer.reach === 'jail' && effect.outcome !== 'skipped',
  );
  const where = jailed?.effect.localJail ?? localJail;
  const failures = all.flatMap(({ effect, part }) =>
    effect.outcome === 'failed' ? [`${part.enforcer.kind}: ${effect.reason}`] : [],
  );
  // In sets of the kernel everything is ours; in a jail only what banshare put there.
  const isBegun = all.some(
    ({ part, effect }) =>
      part.enforcer.reach === 'jail' &&
      (effect.outcome === 'applied' || ('isBegun' in effect && effect.isBegun === true)),
  );
  if (failures.length > 0)
    return { outcome: 'failed', reason: failures.join('; '), localJail: where, isBegun };
  const unproven = all.find(({ effect }) => effect.outcome === 'unproven')?.effect;
  // In sets of the kernel it was put by a transaction: there it is.
  const isInKernel = all.some(
    ({ part, effect }) => part.enforcer.reach === 'host' && effect.outcome === 'applied',
  );
  if (unproven !== undefined && !isInKernel)
    return { outcome: 'unproven', reason: reasonOf(unproven), localJail: where, isBegun };
  for (const outcome of ['already', 'applied', 'released'] as const) {
    if (all.some(({ effect }) => effect.outcome === outcome)) return { outcome, localJail: where };
  }
  const [first] = all;
  return first?.effect ?? { outcome: 'skipped', reason: 'no enforcer is for it', localJail };
}
