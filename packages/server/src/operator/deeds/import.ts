import {
  type BanKey,
  FOR_EVER,
  isRange,
  type JailName,
  OPERATOR,
  parseJail,
  parseTarget,
  SHARED_JAIL,
  type Target,
  wholeSeconds,
} from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { endOf } from '../../judging/judge.ts';
import { nextImport, publishBans } from '../../ledger/deeds.ts';
import {
  hostsWithoutRanges,
  LONGEST_REASON,
  decline,
  refuseFrozen,
  ruleAgainst,
  textOf,
  type Args,
  type OperateParts,
} from './bans.ts';
import { isActive } from '../../words/verdict.ts';

/**
 * What became of a part of an import; `left` are those that may not be banned, each with the rule, `known` bans that the fleet
 * itself has put where the import found them, `over` those that have ended.
 */
export type ImportedPart = {
  banned: number;
  left: string[];
  known: number;
  over: number;
  withoutRanges: string[];
  /** By which all of it can be taken back; null while nothing was banned. */
  number: number | null;
};

type Draft = BanKey & { until: number | null; reason?: string };

/** `import FILE`, a part of it: bans that other systems made. What may not be banned is left out and named. */
export async function importBans(args: Args, parts: OperateParts): Promise<AdminReply> {
  const jail = parseJail(textOf(args, 'jail') ?? SHARED_JAIL);
  if (!jail.ok) return decline('jail', jail.fault);
  const entries = Array.isArray(args['entries']) ? (args['entries'] as unknown[]) : [];
  const now = parts.now();
  const part: ImportedPart = { banned: 0, left: [], known: 0, over: 0, withoutRanges: [], number: null };
  const drafts: Draft[] = [];
  for (const entry of entries) {
    const { ip: ipText, ...said } = (entry ?? {}) as Record<string, unknown>;
    const ip = parseTarget(typeof ipText === 'string' ? ipText : '');
    const rule = ip.ok ? ruleAgainst(ip.value, parts.neverBan, now) : ip.fault;
    if (!ip.ok || rule !== undefined) part.left.push(rule ?? '');
    else if (await isOfFleet(ip.value, said['foundIn'], parts, now)) part.known += 1;
    else {
      const draft = draftOf(ip.value, jail.value, said, parts, now);
      if (isActive(draft, now)) drafts.push(draft);
      else part.over += 1;
    }
  }
  const frozen = await publishImport(drafts, args['number'], part, parts, now);
  if (frozen !== undefined) return frozen;
  const hasRange = drafts.some(({ ip }) => isRange(ip));
  if (hasRange) part.withoutRanges = hostsWithoutRanges(parts.book, now, parts.goneAfterSeconds);
  return { ok: true, result: part };
}

/** The first part that bans something gives the import its number. What is forbidden by now is left out here too. */
async function publishImport(
  drafts: readonly Draft[],
  asked: unknown,
  part: ImportedPart,
  parts: OperateParts,
  now: number,
): Promise<AdminReply | undefined> {
  const known = typeof asked === 'number' ? asked : null;
  part.number = known;
  if (drafts.length === 0) return undefined;
  const done = await parts.ledger.write((books) => {
    const frozen = refuseFrozen(parts);
    if (frozen !== undefined) return frozen;
    const left: string[] = [];
    const allowed = drafts.filter(({ ip }) => {
      const rule = ruleAgainst(ip, parts.neverBan, now);
      if (rule !== undefined) left.push(rule);
      return rule === undefined;
    });
    if (allowed.length === 0) return { left, banned: 0, number: known };
    const number = known ?? nextImport(books);
    const published = publishBans(books, allowed, now, 'import', number);
    parts.audit.note('import', { bans: allowed.length, published: published.length, number }, now);
    return { left, banned: allowed.length, number };
  });
  if ('ok' in done) return done;
  part.left.push(...done.left);
  part.banned = done.banned;
  part.number = done.number;
  return undefined;
}

/** Without its own duration a ban lasts the default, from when it began where that is known. */
function draftOf(
  ip: Target,
  jail: JailName,
  { seconds, since, reason }: Record<string, unknown>,
  { policy }: OperateParts,
  now: number,
): Draft {
  const told = typeof seconds === 'number' ? seconds : policy.defaultDurationSeconds;
  // Of more than a century the ledger keeps no end, and one such entry would lose all that are sent with it.
  const wanted = told > 0 ? wholeSeconds(told) : told;
  const from = typeof since === 'number' ? Math.min(since, now) : now;
  const until =
    wanted === undefined || wanted === FOR_EVER
      ? null
      : endOf(wanted, { maxDurationSeconds: FOR_EVER }, from);
  const said = typeof reason === 'string' ? { reason: reason.slice(0, LONGEST_REASON) } : {};
  return { ip, prog: OPERATOR, jail, until, ...said };
}

/** Whether a host's jail has an address because the fleet bans it there: its end is known, and the jail's bantime is not it. */
async function isOfFleet(
  ip: Target,
  foundIn: unknown,
  { ledger }: OperateParts,
  now: number,
): Promise<boolean> {
  if (typeof foundIn !== 'string') return false;
  return (await ledger.around(ip, now)).some(
    (ban) => ban.ip === ip && ban.jail === foundIn && ban.prog !== OPERATOR,
  );
}
