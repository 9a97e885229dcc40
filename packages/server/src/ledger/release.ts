import type { Event, Target } from '@banshare/protocol';
import type { HeldBan } from './tables/held-bans.ts';
import type { Books } from './record.ts';
import { isActive } from '../words/verdict.ts';

/**
 * Publishes what is held, oldest first, each ban once and with everybody who stands behind it as a supporter; at most so many
 * held reports and the others of their bans. Left out: what is over, protected, or lifted by an operator meanwhile, and what was
 * brought by hosts that are out of the fleet. What lacks its quorum since, because a host took its vote back or is shut out,
 * waits for votes again. What `waits` says goes on being held, behind all others.
 */
export function releaseHeld(
  books: Books,
  now: number,
  isProtected: (ip: Target) => boolean,
  { limit = Infinity, waits = () => false }: { limit?: number; waits?: (ip: Target) => boolean } = {},
): Event[] {
  const { bans, events, held, votes, sql } = books;
  const isIn = (hostId: number): boolean =>
    sql("SELECT 1 FROM hosts WHERE id = ? AND state = 'active'").get(hostId) !== undefined;
  const counts = (ban: HeldBan): boolean =>
    isActive(ban, now) && bans.liftedAt(ban) < ban.at && !isProtected(ban.ip) && isIn(ban.hostId);
  const published: Event[] = [];
  const taken = held.take(limit).filter(counts);
  for (const { hostId, voters, ...ban } of taken)
    if (waits(ban.ip)) held.hold({ ...ban, host: { id: hostId, name: ban.host } }, voters, Infinity);
  for (const { ban, hosts: reporters, needed } of eachOnce(taken.filter(({ ip }) => !waits(ip)))) {
    const { hostId: _, voters, ...draft } = ban;
    const stillVoting = voters.filter((voter) => isIn(voter) && votes.has(draft, voter));
    const hosts = new Map([
      ...stillVoting.map((voter): [number, number | null] => [voter, votes.endOf(draft, voter) ?? null]),
      ...reporters,
    ]);
    if (hosts.size < needed) {
      for (const [reporter, until] of reporters) votes.vote({ ...draft, until }, draft.ip, reporter, ban.at);
      continue;
    }
    if (!bans.covers(draft, now)) {
      const event = events.append({ ...draft, at: now });
      bans.follow(event);
      published.push(event);
    }
    for (const [supporter, until] of hosts) bans.support(draft, supporter, now, until);
  }
  return published;
}

/** A ban that is held, by whom it was brought until when, and how many stood behind it when that was enough. */
type Gathered = { ban: HeldBan; hosts: Map<number, number | null>; needed: number };

/** Each ban once, as the first host brought it, to the latest end that any asked for, with all voters. */
function eachOnce(all: readonly HeldBan[]): Gathered[] {
  const found = new Map<string, Gathered>();
  for (const held of all) {
    const key = `${held.prog} ${held.jail} ${held.ip}`;
    const known = found.get(key) ?? { ban: held, hosts: new Map<number, number | null>(), needed: Infinity };
    const ends = [known.ban.until, held.until];
    const until = ends.includes(null) ? null : Math.max(...ends.map(Number));
    const voters = [...new Set([...known.ban.voters, ...held.voters])];
    const needed = Math.min(known.needed, new Set([held.hostId, ...held.voters]).size);
    const hosts = known.hosts.set(held.hostId, held.until);
    found.set(key, { ban: { ...known.ban, until, voters }, hosts, needed });
  }
  return [...found.values()];
}
