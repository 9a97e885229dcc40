import {
  type BanKey,
  type Details,
  type Event,
  FOR_EVER,
  isRange,
  isTooWide,
  type JailName,
  OPERATOR,
  parseDuration,
  parseJail,
  parseTarget,
  type Result,
  SHARED_JAIL,
  specialRange,
  type Target,
  WIDEST_BAN,
} from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { Audit } from '../../ledger/books/audit.ts';
import { countWithin } from '../../ledger/books/active-bans.ts';
import type { HostBook } from '../../fleet/hosts.ts';
import { endOf, type Policy } from '../../judging/judge.ts';
import { sayFrozen, type Freeze } from '../../judging/freeze.ts';
import { liftSelected, publishBans } from '../../ledger/deeds.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Books } from '../../ledger/record.ts';
import type { HostAt } from '../../never-ban/fleet-addresses.ts';
import type { NeverBan } from '../../never-ban/never-ban.ts';
import { widerText } from '../../words/wider-ranges.ts';
import { isMuted } from '../../words/hosts/host.ts';

/** What operators' commands work with. */
export type OperateParts = {
  ledger: Ledger;
  book: HostBook;
  policy: Policy;
  neverBan: NeverBan;
  audit: Audit;
  freeze: Freeze;
  /** A host not heard of for so long leaves the counts. */
  goneAfterSeconds: number;
  now: () => number;
};

export type Args = Readonly<Record<string, unknown>>;

/** After so many seconds of silence nothing waits for what a host can. */
const UNAWAITED_SECONDS = 86_400;
export const LONGEST_REASON = 200;
/** Addresses lifted in one transaction: reports wait meanwhile. */
export const MOST_AT_ONCE = 2000;

/** `ban IP|RANGE [--jail J] [--for D] [--reason TEXT] [--force]`: by force also where hosts of the fleet are, which it names. */
export async function operatorBan(args: Args, parts: OperateParts): Promise<AdminReply> {
  const ip = parseTarget(textOf(args, 'ip') ?? '');
  const jail = parseJail(textOf(args, 'jail') ?? SHARED_JAIL);
  const duration = parseDuration(textOf(args, 'for') ?? String(parts.policy.defaultDurationSeconds));
  if (!ip.ok) return decline('address', ip.fault);
  if (!jail.ok) return decline('jail', jail.fault);
  if (!duration.ok) return decline('duration', duration.fault);
  if (duration.value === 0)
    return decline('duration', 'a ban of no time is none: --for 1h, or --for -1 for ever');
  const reason = textOf(args, 'reason')?.slice(0, LONGEST_REASON);
  const wanted = {
    ip: ip.value,
    prog: OPERATOR,
    jail: jail.value,
    ...(reason === undefined ? {} : { reason }),
  };
  const force = args['force'] === true;
  const done = await parts.ledger.write((books) => banOne(books, wanted, duration.value, force, parts));
  if ('ok' in done) return done;
  const withoutRanges = isRange(ip.value)
    ? hostsWithoutRanges(parts.book, parts.now(), parts.goneAfterSeconds)
    : [];
  return { ok: true, result: { asked: textOf(args, 'ip') ?? '', ...done, withoutRanges } };
}

/** Looks at what forbids a ban in the piece that makes it: somebody may have said so since the command came. */
function banOne(
  books: Books,
  wanted: BanKey & Details,
  seconds: number,
  force: boolean,
  parts: OperateParts,
): AdminReply | { event: Event | undefined; hits: HostAt[] } {
  const { neverBan, audit } = parts;
  const now = parts.now();
  const frozen = refuseFrozen(parts);
  if (frozen !== undefined) return frozen;
  const rule = ruleAgainst(wanted.ip, neverBan, now, { force });
  if (rule !== undefined) {
    const isOfFleet = ruleAgainst(wanted.ip, neverBan, now, { force: true }) === undefined;
    const byForce = `${rule}; to ban it with the host that is there: banshare-server ban ${wanted.ip} --force`;
    return decline('never-ban', isOfFleet ? byForce : rule);
  }
  const hits = neverBan.hostsAt(wanted.ip, now);
  // A person's word is not cut to max-duration.
  const until = seconds === FOR_EVER ? null : endOf(seconds, { maxDurationSeconds: FOR_EVER }, now);
  const ban = { ...wanted, until };
  const [event] = publishBans(books, [ban], now, 'operator');
  const forced = hits.length === 0 ? {} : { hits: hits.map(({ host }) => host) };
  audit.note('ban', { ...ban, seq: event?.seq, ...forced }, now);
  return { event, hits };
}

/** Why an operator may not ban an address or a range; undefined where he may. `force` bans also where the fleet's hosts are. */
export function ruleAgainst(
  target: Target,
  neverBan: NeverBan,
  now: number,
  how: { force: boolean } = { force: false },
): string | undefined {
  if (isRange(target) && isTooWide(target)) {
    const { ipv4, ipv6 } = WIDEST_BAN;
    return `${target} is too wide: at most a /${ipv4} of IPv4 and a /${ipv6} of IPv6 addresses is banned at once`;
  }
  const holds = isRange(target) ? 'has addresses of' : 'lies in';
  const special = specialRange(target);
  if (special !== undefined) return `${target} ${holds} ${special}, which is never banned`;
  const rule = how.force ? neverBan.listedRuleFor(target) : neverBan.ruleFor(target, now);
  if (rule === undefined) return how.force ? undefined : neverBan.newcomerAt(target, now);
  return isRange(target)
    ? `${target} holds what is never banned: ${rule}`
    : `${target} is never banned: ${rule}`;
}

/**
 * The hosts that count and cannot apply a ban of a range, or never said that they can. Neither one that is muted nor one that is silent
 * for a day keeps the others from a ban of a /64: it has no new ban anyway.
 */
export function hostsWithoutRanges(book: HostBook, now: number, goneAfterSeconds: number): string[] {
  return book
    .present(now, Math.min(goneAfterSeconds, UNAWAITED_SECONDS))
    .filter((host) => host.ranges !== true && !isMuted(host, now))
    .map(({ name }) => name);
}

/**
 * `unban IP|RANGE [--jail J]`: whoever reported it, everywhere. Exactly what is named: what is banned only with a wider range
 * is refused, with the command that lifts that.
 */
export async function operatorUnban(args: Args, parts: OperateParts): Promise<AdminReply> {
  const selection = readSelection(args);
  if (!selection.ok) return decline('address', selection.fault);
  const { ip, jail } = selection.value;
  const now = parts.now();
  const done = await parts.ledger.write((books): AdminReply | { lifted: Event[]; wider: Target[] } => {
    const bans = books.bans.around(ip, now).filter((ban) => jail === undefined || ban.jail === jail);
    const wider = [...new Set(bans.filter((ban) => ban.ip !== ip).map((ban) => ban.ip))];
    if (wider.length > 0 && !bans.some((ban) => ban.ip === ip))
      return decline('range', `nothing is lifted: ${widerText(ip, wider)}`);
    // What a host holds and this ledger lacks goes too: nobody else could lift it.
    const isHeldElsewhere = parts.book.active().some(({ lacking }) => lacking > 0);
    const unknown = { ip, prog: OPERATOR, jail: jail ?? SHARED_JAIL };
    const events = liftSelected(books, selection.value, now, isHeldElsewhere ? { unknown } : {});
    parts.audit.note('unban', { ...selection.value, lifted: events.length }, now);
    return { lifted: events, wider };
  });
  if ('ok' in done) return done;
  const { lifted, wider } = done;
  if (isRange(ip)) lifted.push(...(await liftWidened(selection.value, parts)));
  const within = isRange(ip) ? await countWithin(parts.ledger, ip, now) : 0;
  return { ok: true, result: { ip, lifted, within, wider } satisfies Unbanned };
}

/** A range that came of reports is banned by their hosts as the addresses that they found. */
async function liftWidened(
  selection: { ip: Target; jail?: JailName },
  parts: OperateParts,
): Promise<Event[]> {
  const all: Event[] = [];
  for (;;) {
    const lifted = await parts.ledger.liftWidened(selection, parts.now(), MOST_AT_ONCE);
    all.push(...lifted);
    if (lifted.length < MOST_AT_ONCE) return all;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What an unban lifted, how many bans stay within it, and which wider ranges hold it still. */
export type Unbanned = { ip: Target; lifted: Event[]; within: number; wider: Target[] };

function readSelection(args: Args): Result<{ ip: Target; jail?: JailName }> {
  const ip = parseTarget(textOf(args, 'ip') ?? '');
  if (!ip.ok) return ip;
  const jailText = textOf(args, 'jail');
  if (jailText === undefined) return { ok: true, value: { ip: ip.value } };
  const jail = parseJail(jailText);
  return jail.ok ? { ok: true, value: { ip: ip.value, jail: jail.value } } : jail;
}

/** An argument of a command, where it is a text. */
export function textOf(args: Args, name: string): string | undefined {
  const value = args[name];
  return typeof value === 'string' ? value : undefined;
}

/** Says why nothing may be published now; undefined where it may. */
export function refuseFrozen({ freeze, now }: Pick<OperateParts, 'freeze' | 'now'>): AdminReply | undefined {
  const frozen = freeze.at(now());
  return frozen === null
    ? undefined
    : decline('frozen', `nothing was published: ${sayFrozen(frozen, now())}`);
}

/** Says no to an operator. */
export function decline(code: string, reason: string): AdminReply {
  return { ok: false, code, reason };
}
