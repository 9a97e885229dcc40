import type { Event } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { BanMinutes } from '../../ledger/books/ban-minutes.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Arrivals } from './arrivals.ts';
import type { Args } from '../deeds/bans.ts';

/** Reports wait while one part is read. */
const MOST_AT_ONCE = 1000;

/** What came after an event, and of whose history; `isKept` is false where what followed it is not kept any more. */
export type NewsSince = {
  epoch: string;
  head: number;
  now: number;
  isKept: boolean;
  events: Event[];
  /** How many bans hosts brought in each of the last minutes, where there were any; a minute is epoch seconds divided by 60. */
  minutes: { minute: number; bans: number }[];
};

/** A part of the active bans, in the order of their seq. */
export type BansAfter = { epoch: string; head: number; bans: Event[] };

type NewsParts = { ledger: Ledger; arrivals: Arrivals; now: () => number };

/** Seconds that a question for news may wait for some. */
const LONGEST_WAIT = 25;

/**
 * `news-since`: the events after one, a thousand at most, and the bans of so many minutes. Where there are none it waits for some, as long
 * as it is asked to, so that whoever follows needs not ask again and again.
 */
export async function newsSince(args: Args, { ledger, arrivals, now }: NewsParts): Promise<AdminReply> {
  const after = Number(args['after']);
  const wait = Math.min(Number(args['wait'] ?? 0), LONGEST_WAIT);
  if (wait > 0 && ledger.head().seq === after) await arrivals.next(wait);
  const { epoch, seq: head } = ledger.head();
  const isKept = after === head || after === 0 || (await ledger.at(after)) !== undefined;
  const events = isKept ? await ledger.since(after, MOST_AT_ONCE) : [];
  const minutes = Math.min(Number(args['minutes'] ?? 0), MOST_AT_ONCE);
  const bans = minutes <= 0 ? [] : new BanMinutes(ledger).after(Math.floor(now() / 60) - minutes);
  return {
    ok: true,
    result: { epoch, head, now: now(), isKept, events, minutes: bans } satisfies NewsSince,
  };
}

/** `bans-after`: the active bans after a seq, so that whoever wants all takes them in parts that delay no report. */
export async function bansAfter(args: Args, { ledger, now }: NewsParts): Promise<AdminReply> {
  const { epoch, seq: head } = ledger.head();
  const part = { afterSeq: Number(args['after']), uptoSeq: head, limit: MOST_AT_ONCE };
  const bans = await ledger.active(part, now());
  return { ok: true, result: { epoch, head, bans } satisfies BansAfter };
}
