import { sayBansNothing } from '../../never-ban/bans-nothing.ts';
import type { Entry, Facts } from './facts.ts';

/** It may be meant, to look on for a while: so it is nothing that wakes anybody, and does not pass for a fleet that bans. */
export function bansNothing({ neverBansAll: all }: Facts): Entry[] {
  return all.length === 0 ? [] : [{ code: 'never-ban-all', text: sayBansNothing(all) }];
}
