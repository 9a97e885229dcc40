import type { Drilled } from '../../words/drill.ts';
import type { Ledger } from '../ledger.ts';
import { Settings } from './settings.ts';

const NAME = 'drill';

/** The last drill of the fleet, through whichever server; undefined where there was none. */
export function lastDrill(ledger: Pick<Ledger, 'sql'>): Drilled | undefined {
  const kept = new Settings(ledger).get(NAME);
  return kept === undefined ? undefined : (JSON.parse(kept) as Drilled);
}

/** Keeps a drill as the last one, within a piece of the ledger's queue. */
export function keepDrill(ledger: Pick<Ledger, 'sql'>, drilled: Drilled): void {
  new Settings(ledger).put(NAME, JSON.stringify(drilled));
}
