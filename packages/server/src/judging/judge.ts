import { FOR_EVER, isOperators, OPERATOR, specialRange, type BanKey, type Report } from '@banshare/protocol';
import { span } from '../words/phrases.ts';
import { type Past, NO_PAST, type PublishedBan, type Verdict, isActive, covers } from '../words/verdict.ts';

/** What the administrator set: seconds, maxDurationSeconds -1 for no limit; the n-th ban of an address gets the n-th step. */
export type Policy = {
  windowSeconds: number;
  defaultDurationSeconds: number;
  maxDurationSeconds: number;
  escalationSeconds?: readonly number[];
};

/**
 * Judges a report (README.md, "A report counts once"): a duplicate when that ban is still active and ends no earlier than this
 * report would, or was published less than the window ago and ends at most a window earlier; else it is published anew.
 */
export function judge(
  report: Report,
  policy: Policy,
  known: PublishedBan | undefined,
  now: number,
  past: Past = NO_PAST,
): Verdict {
  const refusal = refuseOutright(report) ?? refuseProtected(report, past) ?? refuseLifted(past);
  if (refusal !== undefined) return refusal;
  const duration = durationOf(report, policy, past);
  const waited = waitedOf(past);
  const until = endOf(duration, policy, now - waited);
  if (waited > 0 && until !== null && until <= now)
    return { verdict: 'duplicate', code: 'over', reason: sayOver(endOf(duration, policy, 0), waited) };
  if (known !== undefined && isDuplicate(known, until, policy.windowSeconds, now)) {
    return { verdict: 'duplicate', seq: known.seq, until };
  }
  if (past.isQuorate === false) {
    return { verdict: 'counted', until, ...(past.votes === undefined ? {} : { reason: past.votes }) };
  }
  const voters = past.voters === undefined ? {} : { voters: past.voters };
  return { verdict: 'accepted', publish: { kind: 'ban', until, ...voters } };
}

/** A moment on the way is no waiting: the end of a ban is reckoned as if there were none. Seconds. */
const MOMENT = 60;

/**
 * A ban lasts from when it was found: what lay in a spool, while no server was to be had, bans for what is left of it. Whoever had the address
 * then may have it no more.
 */
function waitedOf({ waited = 0 }: Past): number {
  return waited < MOMENT ? 0 : waited;
}

function sayOver(duration: number | null, waited: number): string {
  return `its ban of ${span(duration ?? 0)} was over before it came, ${span(waited)} after it was found: nothing is published`;
}

function refuseProtected(ban: BanKey, { protectedBy }: Past): Verdict | undefined {
  if (protectedBy === undefined) return undefined;
  return { verdict: 'refused', code: 'never-ban', reason: `${ban.ip} is never banned: ${protectedBy}` };
}

/** Judges a host's own unban: it withdraws that host's support, and only the last one lifts the ban. */
export function judgeUnban(known: { isActive: boolean; supports: boolean; others: number }): Verdict {
  if (!known.isActive || !known.supports) return { verdict: 'duplicate' };
  if (known.others > 0) return { verdict: 'accepted', withdraw: true };
  return { verdict: 'accepted', publish: { kind: 'unban' } };
}

function refuseOutright(ban: BanKey): Verdict | undefined {
  if (isOperators(ban.prog)) {
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

/** A report that lay in a spool must not bring back what an operator has lifted since. */
function refuseLifted({ madeAt, liftedAt }: Past): Verdict | undefined {
  if (madeAt > liftedAt) return undefined;
  return {
    verdict: 'refused',
    code: 'lifted',
    reason: 'an operator lifted this ban after the report was made',
  };
}

/** Repeat offenders get longer bans; a further ban while one is active is no new offence. */
function durationOf(report: Report, policy: Policy, past: Past): number {
  const steps = policy.escalationSeconds ?? [];
  const nth = past.isBanned ? Math.max(0, past.offences - 1) : past.offences;
  const step = steps[Math.min(nth, steps.length - 1)];
  return step ?? report.durationSeconds ?? policy.defaultDurationSeconds;
}

/**
 * When a ban of so many seconds ends, at most the longest from now; rounded up to whole seconds, so that every client lifts
 * at the same moment.
 */
export function endOf(
  wanted: number,
  policy: Pick<Policy, 'maxDurationSeconds'>,
  now: number,
): number | null {
  const longest = policy.maxDurationSeconds;
  if (wanted === FOR_EVER) return longest === FOR_EVER ? null : Math.ceil(now + longest);
  return Math.ceil(now + (longest === FOR_EVER ? wanted : Math.min(wanted, longest)));
}

function isDuplicate(known: PublishedBan, until: number | null, windowSeconds: number, now: number): boolean {
  if (covers(known, until, now)) return true;
  if (now - known.at >= windowSeconds || !isActive(known, now)) return false;
  return known.until === null || (until !== null && until <= known.until + windowSeconds);
}
