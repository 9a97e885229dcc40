import { isRange, rangeAround, type Address, type Target } from '@banshare/protocol';
import { blockOf } from '../words/ipv6-block.ts';
import { banOf, type Aimed, type Look, type Submission } from '../words/submission.ts';

/** So many addresses of one /64 are banned one by one: whoever has a /64 has 2^64 of them. */
export const MOST_IN_BLOCK = 20;

/** What the administrator set, and what may not be banned. */
export type AimPolicy = {
  /** How much of an IPv6 address counts; 128 is all of it. */
  ipv6Prefix: number;
  isProtected: (target: Target) => boolean;
  /** Whether every host can apply a ban of a range now. */
  allTakeRanges: () => boolean;
};

/**
 * Finds what a reported address stands for, pure: the address itself; its range where [bans] ipv6-prefix widens it; and the /64
 * around it where that is banned already by the same prog and jail, on every host, or where too many of it are. What a host takes back is
 * everything that its report may have become, also by another ipv6-prefix.
 */
export function aim(submission: Submission, policy: AimPolicy, look: Look): Aimed {
  const { ip } = banOf(submission);
  const block = blockOf(ip);
  if (block === null) return { targets: [ip], isCrowded: false };
  const own = widened(ip, policy);
  if (submission.kind === 'unban') {
    const supported = [...new Set([ip, ...look.reportedAs(ip), own, block])].filter((target) =>
      look.isSupported(target),
    );
    return { targets: supported.length > 0 ? supported : [own], isCrowded: false };
  }
  if (own === block) return { targets: [block], isCrowded: false };
  const isEnough = look.isActive(block) && !policy.isProtected(block) && policy.allTakeRanges();
  const isCrowded = isEnough || (!look.isBanned(own) && look.countIn(block, MOST_IN_BLOCK) >= MOST_IN_BLOCK);
  return { targets: [isCrowded ? block : own], isCrowded };
}

/** Never over something that may not be banned: then the address alone. */
function widened(ip: Address, { ipv6Prefix, isProtected }: AimPolicy): Target {
  const range = rangeAround(ip, ipv6Prefix);
  return isRange(range) && isProtected(range) ? ip : range;
}
