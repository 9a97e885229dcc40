import {
  bad,
  FOR_EVER,
  good,
  isTooWide,
  oneLine,
  overlaps,
  parseAddress,
  parseDuration,
  parseRange,
  targetOf,
  type Event,
  type Range,
  type Result,
  type Target,
} from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { eachActive } from '../../ledger/books/active-bans.ts';
import { whoAsks } from '../../ledger/who-asks.ts';
import type { NeverBan } from '../../never-ban/never-ban.ts';
import { readMoment } from '../../words/moment.ts';
import { LONGEST_REASON, MOST_AT_ONCE, decline, textOf, type Args } from './bans.ts';
import type { FleetParts } from './fleet.ts';

/** `never-ban list|add|remove [RANGE]`; what is added is lifted where it is banned now. */
export async function changeNeverBan(args: Args, parts: FleetParts): Promise<AdminReply> {
  const action = textOf(args, 'action') ?? 'list';
  if (action === 'list') return { ok: true, result: { entries: listNeverBan(parts) } };
  const range = parseRange(textOf(args, 'range') ?? '');
  if (!range.ok) return decline('range', range.fault);
  return action === 'remove' ? takeOff(range.value, parts) : add(range.value, args, parts);
}

async function takeOff(range: Range, { ledger, neverBan, audit, now }: FleetParts): Promise<AdminReply> {
  const target = targetOf(range);
  const single = parseAddress(target);
  const { wasThere, taken } = await ledger.write(() => {
    const isThere = neverBan.remove(range);
    if (isThere) audit.note('never-ban remove', { range }, now());
    const hosts = single.ok ? neverBan.disapprove({ address: single.value }) : [];
    const names = hosts.map(({ host }) => host);
    if (hosts.length > 0) audit.note('disapproved', { address: target, hosts: names }, now());
    return { wasThere: isThere, taken: hosts };
  });
  if (wasThere || taken.length > 0) return { ok: true, result: { range: target, lifted: [], taken } };
  const why = single.ok ? neverBan.ruleFor(single.value, now()) : undefined;
  const still = why === undefined ? '' : `, and is protected as ${why}`;
  return decline('range', `${target} was neither added nor approved${still}: see never-ban list`);
}

async function add(range: Range, args: Args, parts: FleetParts): Promise<AdminReply> {
  const { ledger, neverBan, audit, now } = parts;
  const target = targetOf(range);
  // As wide as nobody may ban: a slip of the finger would lift a quarter of all bans, and let no new one in.
  if (isTooWide(range) && args['force'] !== true) {
    const reason = `${target} is ${countOf(range)}: nothing there would be banned any more; --force says that this is meant`;
    return decline('wide', reason);
  }
  const until = endOf(args, now());
  if (!until.ok) return decline('duration', until.fault);
  const note = oneLine(textOf(args, 'note') ?? '').slice(0, LONGEST_REASON);
  const by = oneLine(whoAsks()?.by ?? '').slice(0, LONGEST_REASON);
  await ledger.write(() => {
    neverBan.add({ range, until: until.value, note, by }, now());
    const end = until.value === null ? {} : { until: until.value };
    audit.note('never-ban add', { range, ...end, ...(note === '' ? {} : { note }) }, now());
  });
  const lifted = await liftWithin(range, parts);
  return { ok: true, result: { range: target, lifted, until: until.value } };
}

/** Until when something is never banned: null is until it is taken off. */
function endOf(args: Args, now: number): Result<number | null> {
  const [length, moment] = [textOf(args, 'for'), textOf(args, 'until')];
  if (length !== undefined && moment !== undefined) return bad('say --for or --until, not both');
  if (length !== undefined) {
    const duration = parseDuration(length);
    if (!duration.ok) return bad(duration.fault);
    if (duration.value === 0) return bad('never banned for no time is nothing: --for 8h');
    return good(duration.value === FOR_EVER ? null : now + duration.value);
  }
  if (moment === undefined) return good(null);
  const until = readMoment(moment, now);
  if (typeof until === 'number' && until > now) return good(until);
  return bad(`"${moment}" is no time to come: --until 2026-11-27T14:00Z, or --for 8h`);
}

/** Ends by the clock what was never to be banned for a time: from then on it can be banned, and nothing is by that. */
export async function endNeverBans({
  ledger,
  neverBan,
  audit,
  now,
}: Pick<FleetParts, 'ledger' | 'neverBan' | 'audit' | 'now'>): Promise<Range[]> {
  if (neverBan.over(now()).length === 0) return [];
  return ledger.write(() => {
    const over = neverBan.over(now()).filter((range) => neverBan.remove(range));
    for (const range of over) audit.note('never-ban ended', { range }, now());
    return over;
  });
}

/** How much of all addresses a range is, in words. */
function countOf(range: Range): string {
  const prefix = Number(range.split('/').at(-1));
  return prefix === 0 ? 'every address' : `one of ${2 ** prefix} equal parts of all addresses`;
}

/**
 * Lifts what is banned in a range, and what hosts reported there within the longest ban: the one that reported bans by itself,
 * also where that was never published.
 */
async function liftWithin(range: Range, parts: FleetParts): Promise<Event[]> {
  const { ledger, policy, now } = parts;
  const since = policy.maxDurationSeconds === FOR_EVER ? 0 : now() - policy.maxDurationSeconds;
  const lifted: Event[] = [];
  for (;;) {
    const reported = await ledger.liftReported(range, since, now(), MOST_AT_ONCE);
    lifted.push(...reported);
    if (reported.length < MOST_AT_ONCE) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const banned = new Set<Target>();
  for await (const { ip } of eachActive(ledger, now())) if (overlaps(ip, range)) banned.add(ip);
  for (const ip of banned) lifted.push(...(await ledger.lift({ ip }, now(), { everyJail: true })));
  return lifted;
}

function listNeverBan({ neverBan, book, now }: FleetParts): ReturnType<NeverBan['list']> {
  const waiting = book.all().flatMap((host) =>
    neverBan.waiting(host, now()).map((range) => ({
      range,
      source: `told by ${host.name}, and not protected yet: hosts approve ${host.name}`,
      waiting: true,
    })),
  );
  return [...neverBan.list(now()), ...waiting];
}
