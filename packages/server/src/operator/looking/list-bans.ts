import { setImmediate } from 'node:timers/promises';
import { covers, isRange, parseTarget, type Event, type Target } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { eachActive } from '../../ledger/books/active-bans.ts';
import type { HostBook } from '../../fleet/hosts.ts';
import { ifNoHost } from '../../fleet/no-host.ts';
import type { Freeze } from '../../judging/freeze.ts';
import type { Enrichment } from '../../enrich/enrichment.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { cursorBefore } from '../../ledger/timeline.ts';
import { decline, textOf, type Args } from '../deeds/bans.ts';
import { MOMENT_FAULT, readMoment } from '../../words/moment.ts';
import type { Whereabouts } from '../../words/whereabouts.ts';
import { widerRanges } from '../../words/wider-ranges.ts';

/** Reports wait while a page is read. */
const PAGE = 1000;

/** A ban in the shape that `bans --json` prints, which programs of others read; `isLifted` only where it ended before its time. */
export type ListedBan = Pick<Event, 'ip' | 'prog' | 'jail' | 'host' | 'seq' | 'at' | 'until' | 'reason'> & {
  isLifted?: boolean;
} & Whereabouts;

/**
 * `bans [IP|RANGE] [--jail J] [--host H] [--since …] [--until …] [--limit N] [--all]`: the active ones, or everything that was published
 * and is still kept; of an address also those of ranges around it, of a range also those within it. With a limit the newest so many,
 * and `older` says how many more there are.
 */
export async function listBans(
  args: Args,
  { ledger, book, freeze, enrichment, now }: ListParts,
): Promise<AdminReply> {
  const text = textOf(args, 'ip');
  const target = text === undefined ? undefined : parseTarget(text);
  if (target?.ok === false) return decline('address', target.fault);
  const since = readMoment(textOf(args, 'since'), now());
  const until = readMoment(textOf(args, 'until'), now());
  if (since === null || until === null) return decline('duration', MOMENT_FAULT);
  const concerns = target === undefined ? () => true : concerning(target.value);
  const [jail, host] = [textOf(args, 'jail'), textOf(args, 'host')];
  const newest = new Newest(args['limit']);
  const range = { after: since === undefined ? 0 : cursorBefore(ledger.sql, since).events };
  const take = (ban: Event, how: Pick<ListedBan, 'isLifted'> = {}): void => {
    const isThen = ban.at >= (since ?? -Infinity) && ban.at <= (until ?? Infinity);
    if (isThen && (jail ?? ban.jail) === ban.jail && (host ?? ban.host) === ban.host && concerns(ban.ip))
      newest.add({ ...listed(ban), ...how });
  };
  if (args['all'] === true) await eachPublished(ledger, range, now(), take);
  else for await (const ban of eachActive(ledger, now(), range.after)) take(ban);
  // A host that was forgotten is known no more, and what it reported may still be banned.
  const unknown = newest.isEmpty ? ifNoHost(host, book) : undefined;
  if (unknown !== undefined) return decline('host', unknown);
  const { older } = newest;
  const bans = await enrichment.tell(newest.bans);
  return { ok: true, result: { bans, ...(older === undefined ? {} : { older }), frozen: freeze.at(now()) } };
}

type ListParts = {
  ledger: Ledger;
  book: HostBook;
  freeze: Pick<Freeze, 'at'>;
  enrichment: Pick<Enrichment, 'tell'>;
  now: () => number;
};

/** Keeps the newest of what comes in order; all of it where no limit is given. */
class Newest {
  readonly #most: number;
  #bans: ListedBan[] = [];
  #count = 0;

  constructor(limit: unknown) {
    this.#most = typeof limit === 'number' ? Math.max(0, Math.floor(limit)) : Infinity;
  }

  add(ban: ListedBan): void {
    this.#count += 1;
    this.#bans.push(ban);
    // Not for each one: taking the first of a long list away moves all others.
    if (this.#bans.length >= 2 * this.#most + PAGE) this.#bans = this.#bans.slice(-this.#most);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get bans(): ListedBan[] {
    return this.#most === 0 ? [] : this.#bans.slice(-this.#most);
  }

  /** How many more there were; undefined where there is no limit. */
  get older(): number | undefined {
    return this.#most === Infinity ? undefined : Math.max(0, this.#count - this.#most);
  }
}

/** Whether an address or range is that, lies around it, or within it. */
export function concerning(target: Target): (ip: Target) => boolean {
  const around = new Set<Target>([target, ...widerRanges(target)]);
  return isRange(target) ? (ip) => around.has(ip) || covers(target, ip) : (ip) => around.has(ip);
}

/** A ban that was published again comes for each time. */
async function eachPublished(
  ledger: Ledger,
  { after }: { after: number },
  now: number,
  take: (ban: Event, how: Pick<ListedBan, 'isLifted'>) => void,
): Promise<void> {
  const activeSeqs = new Set<number>();
  for await (const { seq } of eachActive(ledger, now, after)) activeSeqs.add(seq);
  for (let since = after; ;) {
    const page = await ledger.since(since, PAGE);
    for (const event of page) {
      if (event.kind !== 'ban') continue;
      const isLifted = !activeSeqs.has(event.seq) && (event.until === null || event.until > now);
      take(event, isLifted ? { isLifted } : {});
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    since = last.seq;
    await setImmediate();
  }
}

function listed({ ip, prog, jail, host, seq, at, until, reason }: Event): ListedBan {
  return { ip, prog, jail, host, seq, at, until, ...(reason === undefined ? {} : { reason }) };
}
