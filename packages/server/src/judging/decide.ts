import { specialRange, type Target } from '@banshare/protocol';
import { MOST_IN_BLOCK } from './ban-target.ts';
import type { LimitKeeper } from './limits.ts';
import { judge, judgeUnban, type Policy } from './judge.ts';
import { sayFrozen, type Freeze } from './freeze.ts';
import type { NeverBan } from '../never-ban/never-ban.ts';
import { cannot } from '../words/phrases.ts';
import { isQuorate, quorumFor, sayVotes, type QuorumRule } from './quorum.ts';
import { isActive, type Past, type Verdict } from '../words/verdict.ts';
import type { Submission, Known } from '../words/submission.ts';

export type DecideParts = {
  policy: Policy;
  neverBan: Pick<NeverBan, 'ruleFor' | 'newcomerAt'>;
  limits: LimitKeeper;
  quorum: readonly QuorumRule[];
  /** The hosts that cannot apply a ban of a range. */
  withoutRanges: (now: number) => readonly string[];
  freeze: Pick<Freeze, 'at'>;
  activeBans: { about: (now: number) => number; add: () => void };
};

/**
 * Decides about submissions: gathers what judge() needs to know beside the ledger (who protects the address, whether the
 * quorum is reached), and holds what would be published above a limit. Times are epoch seconds.
 */
export function decideWith(parts: DecideParts, submission: Submission, known: Known, now: number): Verdict {
  if (submission.kind === 'unban') {
    return judgeUnban({ ...known, isActive: known.ban !== undefined && isActive(known.ban, now) });
  }
  const { report } = submission;
  const past: Past = {
    ...known.past,
    protectedBy: parts.neverBan.ruleFor(report.ip, now),
    ...votesOn(parts.quorum, submission, known, now),
  };
  const crowd = known.isCrowded ? reasonAgainst(known.target, parts, now) : undefined;
  // Where the /64 is banned, and not by every host, this is no duplicate.
  const published = crowd === undefined ? known.ban : undefined;
  const verdict = judge(report, parts.policy, published, now, past);
  if (verdict.verdict !== 'accepted' || !('publish' in verdict) || verdict.publish.kind !== 'ban')
    return verdict;
  const { until, voters = [] } = verdict.publish;
  const hold = { verdict: 'held', until, voters, most: parts.limits.mostHeld } as const;
  if (crowd !== undefined) return { ...hold, code: 'full-block', reason: crowd, isOfAddress: true };
  const frozen = parts.freeze.at(now);
  if (frozen !== null) return { ...hold, code: 'frozen', reason: sayFrozen(frozen, now) };
  const newcomer = parts.neverBan.newcomerAt(known.target, now);
  if (newcomer !== undefined) return { ...hold, code: 'young-host', reason: newcomer };
  const limit = parts.limits.reasonToHold(parts.activeBans.about(now), now);
  if (limit !== undefined) return { ...hold, ...limit };
  if (!known.past.isBanned) parts.activeBans.add();
  return verdict;
}

/** Why a /64 cannot be banned as a whole, although too many of its addresses are reported; undefined where it can. */
function reasonAgainst(block: Target, parts: DecideParts, now: number): string | undefined {
  const hosts = parts.withoutRanges(now);
  const rule = specialRange(block) ?? parts.neverBan.ruleFor(block, now);
  const newcomer = parts.neverBan.newcomerAt(block, now);
  if (rule === undefined && newcomer === undefined && hosts.length === 0) return undefined;
  const why = rule === undefined ? (newcomer ?? cannot(hosts)) : `it holds what is never banned, ${rule}`;
  return `more than ${MOST_IN_BLOCK} addresses of ${block}, which cannot be banned as a whole: ${why}`;
}

/**
 * A ban that stands needs the votes again where it would end later: one host alone must not keep, for as long as it likes, what took
 * several. What was said before an operator lifted it is no vote.
 */
function votesOn(
  rules: readonly QuorumRule[],
  submission: Submission & { kind: 'report' },
  known: Known,
  now: number,
): Pick<Past, 'isQuorate' | 'voters' | 'votes'> {
  const rule = quorumFor(submission.report, rules);
  if (rule === undefined) return {};
  const voters = known.voters(Math.max(now - rule.withinSeconds, known.past.liftedAt));
  const ids = voters.map(({ id }) => id);
  const votes = sayVotes(rule, [...voters, submission.host]);
  return { isQuorate: isQuorate(rule, ids, submission.host.id), voters: ids, votes };
}
