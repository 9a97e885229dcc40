import type { Event, Target } from '@banshare/protocol';
import type { HeldBan } from './held.ts';
import { isActive } from './judge.ts';
import type { Books } from './record.ts';

/**
 * Publishes what is held, oldest first, each ban once and with everybody who stands behind it as a supporter. Left out: what is
 * over, protected, or lifted by an operator meanwhile, and what was brought by hosts that are out of the fleet.
 */
export function releaseHeld(books: Books, now: number, isProtected: (ip: Target) => boolean): Event[] {
  const { bans, events, held, sql } = books;
  const isIn = (hostId: number): boolean =>
    sql("SELECT 1 FROM hosts WHERE id = ? AND state = 'active'").get(hostId) !== undefined;
  const counts = (ban: HeldBan): boolean =>
    isActive(ban, now) && bans.liftedAt(ban) < ban.at && !isProtected(ban.ip) && isIn(ban.hostId);
  const published: Event[] = [];
  for (const { ban, hosts } of eachOnce(held.takeAll().filter(counts))) {
    const { hostId: _, voters: __, ...draft } = ban;
    if (!bans.covers(draft, now)) {
      const event = events.append({ ...draft, at: now });
      bans.follow(event);
      published.push(event);
    }
    for (const supporter of hosts) if (isIn(supporter)) bans.support(draft, supporter, now);
  }
  return published;
}

/** Each ban once, as the first host brought it, to the latest end that any asked for. */
function eachOnce(all: readonly HeldBan[]): { ban: HeldBan; hosts: Set<number> }[] {
  const found = new Map<string, { ban: HeldBan; hosts: Set<number> }>();
  for (const held of all) {
    const key = `${held.prog} ${held.jail} ${held.ip}`;
    const known = found.get(key) ?? { ban: held, hosts: new Set<number>() };
    const ends = [known.ban.until, held.until];
    const until = ends.includes(null) ? null : Math.max(...ends.map(Number));
    for (const host of [held.hostId, ...held.voters]) known.hosts.add(host);
    found.set(key, { ban: { ...known.ban, until }, hosts: known.hosts });
  }
  return [...found.values()];
}
