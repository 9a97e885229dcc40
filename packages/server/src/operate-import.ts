import { FOR_EVER, isRange, OPERATOR, parseJail, parseTarget, type Event } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { endOf } from './judge.ts';
import {
  DEFAULT_JAIL,
  hostsWithoutRanges,
  LONGEST_REASON,
  refuse,
  ruleAgainst,
  textOf,
  type Args,
  type OperateParts,
} from './operate.ts';

/** What became of a part of an import; `left` are those that may not be banned, each with the rule. */
export type ImportedPart = { banned: number; left: string[]; withoutRanges: string[] };

/** `import FILE`, a part of it: bans that other systems made. What may not be banned is left out and named. */
export async function importBans(args: Args, parts: OperateParts): Promise<AdminReply> {
  const jail = parseJail(textOf(args, 'jail') ?? DEFAULT_JAIL);
  if (!jail.ok) return refuse('jail', jail.fault);
  const entries = Array.isArray(args['entries']) ? (args['entries'] as unknown[]) : [];
  const now = parts.now();
  const left: string[] = [];
  const drafts = entries.flatMap((entry) => {
    const { ip: ipText, seconds, reason } = (entry ?? {}) as Record<string, unknown>;
    const ip = parseTarget(typeof ipText === 'string' ? ipText : '');
    const rule = ip.ok ? ruleAgainst(ip.value, parts.neverBan, now) : ip.fault;
    if (!ip.ok || rule !== undefined) {
      left.push(rule ?? '');
      return [];
    }
    const wanted = typeof seconds === 'number' ? seconds : parts.policy.defaultDurationSeconds;
    const until = wanted === FOR_EVER ? null : endOf(wanted, { maxDurationSeconds: FOR_EVER }, now);
    const said = typeof reason === 'string' ? { reason: reason.slice(0, LONGEST_REASON) } : {};
    return [{ ip: ip.value, prog: OPERATOR, jail: jail.value, until, ...said }];
  });
  const note = (done: readonly Event[]): void =>
    parts.audit.add('import', { bans: drafts.length, published: done.length }, now);
  const events = drafts.length === 0 ? [] : await parts.ledger.ban(drafts, now, 'import', { note });
  parts.distribute(events);
  const hasRange = drafts.some(({ ip }) => isRange(ip));
  const withoutRanges = hasRange ? hostsWithoutRanges(parts.book, now, parts.goneAfterSeconds) : [];
  return { ok: true, result: { banned: drafts.length, left, withoutRanges } satisfies ImportedPart };
}
