import { setImmediate } from 'node:timers/promises';
import type { Enrichment, LookUp } from '../enrich/enrichment.ts';
import type { Whereabouts } from '../words/whereabouts.ts';
import type { MirrorBan } from './daemon/ban-mirror.ts';

/** Addresses that are looked up in one go, some milliseconds: other browsers wait meanwhile. */
const AT_ONCE = 1000;

/** Where bans are, as far as anybody looked, by what looked them up: of files that are replaced nothing is kept, nor of a ban that is over. */
const KNOWN = new WeakMap<LookUp, WeakMap<MirrorBan, Whereabouts>>();

/** Of some bans those in a country or network, as the administrator's own files say; all of them where none is asked for. A ban is looked up once. */
export async function bansThere(
  bans: readonly MirrorBan[],
  where: string | undefined,
  enrichment: Pick<Enrichment, 'open'>,
): Promise<readonly MirrorBan[]> {
  if (where === undefined) return bans;
  const lookUp = await enrichment.open();
  const known = KNOWN.get(lookUp) ?? new WeakMap<MirrorBan, Whereabouts>();
  KNOWN.set(lookUp, known);
  const isThere = isIn(where);
  const there: MirrorBan[] = [];
  for (const [index, ban] of bans.entries()) {
    if (index > 0 && index % AT_ONCE === 0) await setImmediate();
    const place = known.get(ban) ?? lookUp(ban.ip);
    known.set(ban, place);
    if (isThere(place)) there.push(ban);
  }
  return there;
}

/** Two letters are a country; all else is looked for in the network's number and name. */
function isIn(where: string): (place: Whereabouts) => boolean {
  const part = where.toLowerCase();
  return ({ country = '', network = '' }) =>
    country.toLowerCase() === part || (part.length > 2 && network.toLowerCase().includes(part));
}
