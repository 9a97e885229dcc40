import { FOR_EVER, OPERATOR, specialRange, type BanKey, type Report } from '@banshare/protocol';

/** What the administrator set: seconds, maxDurationSeconds -1 for no limit. */
export type Policy = { windowSeconds: number; defaultDurationSeconds: number; maxDurationSeconds: number };

/** A ban as it was last published. Times are epoch seconds; until null is for ever. */
export type PublishedBan = { seq: number; at: number; until: number | null };

/**
 * What is done with a report or an unban. `publish`: a new event; `support`: the host stands behind what is published, or
 * no longer does, and nothing moves.
 */
export type Verdict =
  | { verdict: 'accepted'; publish: { kind: 'ban'; until: number | null } | { kind: 'unban' } }
  | { verdict: 'accepted'; withdraw: true }
  | { verdict: 'duplicate'; seq?: number }
  | { verdict: 'refused'; code: string; reason: string };

/**
 * Judges a report (contract section 6, Bans): a duplicate when that ban was published less than the window ago, is still
 * active, and this report would end at most a window after it; else it is published anew.
 */
export function judge(report: Report, policy: Policy, known: PublishedBan | undefined, now: number): Verdict {
  const refusal = refuse(report);
  if (refusal !== undefined) return refusal;
  const until = endOf(report, policy, now);
  if (known !== undefined && isDuplicate(known, until, policy.windowSeconds, now)) {
    return { verdict: 'duplicate', seq: known.seq };
  }
  return { verdict: 'accepted', publish: { kind: 'ban', until } };
}

/** Judges a host's own unban: it withdraws that host's support, and only the last one lifts the ban. */
export function judgeUnban(known: { isActive: boolean; supports: boolean; others: number }): Verdict {
  if (!known.isActive || !known.supports) return { verdict: 'duplicate' };
  if (known.others > 0) return { verdict: 'accepted', withdraw: true };
  return { verdict: 'accepted', publish: { kind: 'unban' } };
}

/** Whether a ban still holds at that time. */
export function isActive(ban: { until: number | null }, now: number): boolean {
  return ban.until === null || ban.until > now;
}

function refuse(ban: BanKey): Verdict | undefined {
  if (ban.prog === OPERATOR) {
    return {
      verdict: 'refused',
      code: 'operator',
      reason: `bans of ${OPERATOR} are made on the server only`,
    };
  }
  const range = specialRange(ban.ip);
  if (range === undefined) return undefined;
  return {
    verdict: 'refused',
    code: 'never-ban',
    reason: `${ban.ip} lies in ${range}, which is never banned`,
  };
}

/** Rounded up to whole seconds, so that every client lifts at the same moment. */
function endOf(report: Report, policy: Policy, now: number): number | null {
  const wanted = report.durationSeconds ?? policy.defaultDurationSeconds;
  const longest = policy.maxDurationSeconds;
  if (wanted === FOR_EVER) return longest === FOR_EVER ? null : Math.ceil(now + longest);
  return Math.ceil(now + (longest === FOR_EVER ? wanted : Math.min(wanted, longest)));
}

function isDuplicate(known: PublishedBan, until: number | null, windowSeconds: number, now: number): boolean {
  if (now - known.at >= windowSeconds || !isActive(known, now)) return false;
  if (known.until === null) return true;
  return until !== null && until <= known.until + windowSeconds;
}
