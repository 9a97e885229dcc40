import type { Entry, Facts } from './facts.ts';

/** It may be meant, to look on for a while: so it is nothing that wakes anybody, and does not pass for a fleet that bans. */
export function bansNothing({ neverBansAll: all }: Facts): Entry[] {
  if (all.length === 0) return [];
  const text = `No address in ${all.join(' and ')} is banned, since all of it is listed as never banned; banshare-server never-ban list says by what`;
  return [{ code: 'never-ban-all', text }];
}
