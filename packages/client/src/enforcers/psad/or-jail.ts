import type { BanKey, JailName } from '@banshare/protocol';
import { type Enforcer, IN_PSAD, type Listing } from '../enforcer.ts';
import { canBlock, type Psad } from './psad.ts';
import type { Change, Effect } from '../../bans/change.ts';

/** psad's own socket, an enforcer of jails, and what is kept over a restart of the client: which psad was seen last. */
export type PsadOrJailParts = {
  psad: Psad;
  jails: Enforcer & Required<Pick<Enforcer, 'list' | 'isIntact' | 'isRepaired'>>;
  localJailOf: (ban: BanKey) => JailName;
  memory: { recall: () => string | undefined; remember: (text: string) => void };
};

/**
 * For a host with jails: the bans of psad go to psad where it runs, as it would have banned them itself, and into a jail where
 * it does not, or cannot: it knows IPv4 only. Where a ban was put, there it stays and is lifted.
 */
export function psadOrJail({ psad, jails, localJailOf, memory }: PsadOrJailParts): Enforcer {
  const isNewPsad = (): boolean => {
    const start = psad.start();
    return start !== undefined && start !== memory.recall();
  };
  return {
    reach: 'jail',
    takesRanges: false,
    get kind() {
      return jails.kind;
    },
    get mostAtOnce() {
      return jails.mostAtOnce;
    },
    get isSerial() {
      return jails.isSerial;
    },
    check: () => jails.check(),
    ways: async () => [await wayOfPsadBans(psad, jails.kind)],
    carryOut: async (changes) => {
      const effects = await tellPsad(psad, changes);
      const others = changes.filter((change) => !effects.has(change));
      if (others.length > 0) {
        const jailed = others.map((change) => inJail(change, localJailOf));
        const answers = await jails.carryOut(jailed);
        others.forEach((change, index) => effects.set(change, answers[index] as Effect));
        const astray = jailed.filter((change, index) => mayStandInPsad(change, answers[index]));
        if (astray.length > 0) await psad.carryOut(astray);
      }
      return changes.map((change) => effects.get(change) as Effect);
    },
    unproven: async () => (await jails.unproven?.()) ?? [],
    isProven: async (jail, ip) => jail !== IN_PSAD && ((await jails.isProven?.(jail, ip)) ?? false),
    isRepaired: async (jail, ip) => jail !== IN_PSAD && jails.isRepaired(jail, ip),
    isIntact: async () => (await jails.isIntact()) && !isNewPsad(),
    list: async (asked) => {
      const listing = await jails.list(asked.filter((jail) => jail !== IN_PSAD));
      const isNew = isNewPsad();
      if (!isNew || (!listing.ok && listing.reason !== '')) return listing;
      memory.remember(psad.start() ?? '');
      return asked.includes(IN_PSAD) ? withEmptyPsad(listing) : listing;
    },
  };
}

/** Where the bans of psad go at this moment, in a sentence. */
export async function wayOfPsadBans(psad: Pick<Psad, 'isThere'>, otherwise: string): Promise<string> {
  return (await psad.isThere())
    ? `Bans of psad go to psad, those of IPv6 addresses to ${otherwise}.`
    : `Bans of psad go to ${otherwise}: psad does not run here with ENABLE_AUTO_IDS.`;
}

/** What psad took, or is to lift again and could not be told; what it did not take is missing. */
async function tellPsad(psad: Psad, changes: readonly Change[]): Promise<Map<Change, Effect>> {
  const effects = new Map<Change, Effect>();
  const mine = changes.filter(isForPsad);
  if (mine.length === 0) return effects;
  const answers = await psad.carryOut(mine);
  for (const [index, change] of mine.entries()) {
    const effect = answers[index];
    const isTaken = effect !== undefined && effect.outcome !== 'failed';
    if (effect !== undefined && (isTaken || change.kind === 'unban'))
      effects.set(change, { ...effect, localJail: IN_PSAD });
  }
  return effects;
}

/** A ban that banshare has in a jail already stays there. */
function isForPsad(change: Change): boolean {
  const { kind, prog, localJail, isOurs } = change;
  return localJail === IN_PSAD || (kind === 'ban' && prog === 'psad' && canBlock(change) && !isOurs);
}

function inJail(change: Change, localJailOf: PsadOrJailParts['localJailOf']): Change {
  return change.localJail === IN_PSAD ? { ...change, localJail: localJailOf(change) } : change;
}

/** An operator lifts also what psad found itself; and what a client that was killed gave to psad stands in no jail. */
function mayStandInPsad(change: Change, effect: Effect | undefined): boolean {
  const { kind, prog, isOurs } = change;
  return (
    kind === 'unban' && prog === 'psad' && canBlock(change) && (!isOurs || effect?.outcome === 'released')
  );
}

/** A psad that was started anew has dropped what it had blocked; of one that renewed it, it takes each again without harm. */
function withEmptyPsad(listing: Listing): Listing {
  return {
    ok: true,
    held: new Map([...(listing.ok ? listing.held : []), [IN_PSAD, new Map()]]),
    isAnew: (jail) => jail === IN_PSAD || (listing.ok && listing.isAnew(jail)),
  };
}
