import { setImmediate } from 'node:timers/promises';
import { covers, isRange, parseTarget, type Event, type Target } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { eachActive } from '../ledger/active-bans.ts';
import type { Freeze } from '../judging/freeze.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { decline, textOf, type Args } from './bans.ts';
import { widerRanges } from '../words/wider-ranges.ts';

/** Reports wait while a page is read. */
const PAGE = 1000;

/** A ban in the shape that `bans --json` prints, which programs of others read; `isLifted` only where it ended before its time. */
export type ListedBan = Pick<Event, 'ip' | 'prog' | 'jail' | 'host' | 'seq' | 'at' | 'until' | 'reason'> & {
  isLifted?: boolean;
};

/**
 * `bans [IP|RANGE|--jail J|--host H|--all]`: the active ones, or everything that was published and is still kept; of an address
 * also those of ranges around it, of a range also those within it.
 */
export async function listBans(
  args: Args,
  { ledger, freeze, now }: { ledger: Ledger; freeze: Pick<Freeze, 'at'>; now: () => number },
): Promise<AdminReply> {
  const text = textOf(args, 'ip');
  const target = text === undefined ? undefined : parseTarget(text);
  if (target?.ok === false) return decline('address', target.fault);
  const concerns = target === undefined ? () => true : concerning(target.value);
  const [jail, host] = [textOf(args, 'jail'), textOf(args, 'host')];
  const isWanted = (ban: Event): boolean =>
    (jail ?? ban.jail) === ban.jail && (host ?? ban.host) === ban.host && concerns(ban.ip);
  const bans =
    args['all'] === true ? await listAll(ledger, isWanted, now()) : await listActive(ledger, isWanted, now());
  return { ok: true, result: { bans, frozen: freeze.at(now()) } };
}

/** Whether an address or range is that, lies around it, or within it. */
export function concerning(target: Target): (ip: Target) => boolean {
  const around = new Set<Target>([target, ...widerRanges(target)]);
  return isRange(target) ? (ip) => around.has(ip) || covers(target, ip) : (ip) => around.has(ip);
}

async function listActive(
  ledger: Ledger,
  isWanted: (ban: Event) => boolean,
  now: number,
): Promise<ListedBan[]> {
  const bans: ListedBan[] = [];
  for await (const ban of eachActive(ledger, now)) if (isWanted(ban)) bans.push(listed(ban));
  return bans;
}

/** A ban that was published again stands in the list for each time. */
async function listAll(ledger: Ledger, isWanted: (ban: Event) => boolean, now: number): Promise<ListedBan[]> {
  const activeSeqs = new Set<number>();
  for await (const { seq } of eachActive(ledger, now)) activeSeqs.add(seq);
  const bans: ListedBan[] = [];
  for (let since = 0; ;) {
    const page = await ledger.since(since, PAGE);
    for (const event of page) {
      if (event.kind !== 'ban' || !isWanted(event)) continue;
      const isLifted = !activeSeqs.has(event.seq) && (event.until === null || event.until > now);
      bans.push(isLifted ? { ...listed(event), isLifted } : listed(event));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return bans;
    since = last.seq;
    await setImmediate();
  }
}

function listed({ ip, prog, jail, host, seq, at, until, reason }: Event): ListedBan {
  return { ip, prog, jail, host, seq, at, until, ...(reason === undefined ? {} : { reason }) };
}
