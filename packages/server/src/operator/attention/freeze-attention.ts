import { sayFrozen } from '../../judging/freeze.ts';
import type { Entry, Facts } from './facts.ts';

/** Seconds after which a freeze is one that was forgotten. */
const FREEZE_PATIENCE = 3600;

/** A freeze that somebody forgot leaves the fleet without protection. */
export function frozenLong(facts: Facts): Entry[] {
  return isFrozenLong(facts) ? sayFreeze(facts) : [];
}

/** The same as long as that may be meant so. */
export function frozen(facts: Facts): Entry[] {
  return isFrozenLong(facts) ? [] : sayFreeze(facts);
}

function sayFreeze({ frozen: state, now }: Facts): Entry[] {
  return state === null ? [] : [{ code: 'frozen', text: sayFrozen(state, now) }];
}

function isFrozenLong({ frozen: state, now }: Facts): boolean {
  return state !== null && now - state.since > FREEZE_PATIENCE;
}
