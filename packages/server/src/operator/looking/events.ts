import { parseTarget } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import type { Enrichment } from '../../enrich/enrichment.ts';
import type { HostBook } from '../../fleet/hosts.ts';
import { ifNoHost } from '../../fleet/no-host.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import {
  cursorBefore,
  cursorNow,
  readPart,
  type Part,
  type Cursor,
  type Wanted,
} from '../../ledger/timeline.ts';
import type { Whereabouts } from '../../words/whereabouts.ts';
import type { Happening } from '../../words/happening.ts';
import { MOMENT_FAULT, readMoment } from '../../words/moment.ts';
import type { Arrivals } from './arrivals.ts';
import { decline, textOf, type Args } from '../deeds/bans.ts';
import { concerning } from './list-bans.ts';

/**
 * A part of what happened, the oldest first. With `place` the next question goes on behind it, also after a restart; `isAll` where
 * there is nothing more by now, `isAnew` where the ledger is another than that was of (a restored one): it goes on from now.
 */
export type EventsPart = {
  events: (Happening & Whereabouts)[];
  place: string;
  isAll: boolean;
  isAnew: boolean;
  /** Whether a file says where addresses are. */
  isEnriched: boolean;
  /** Says that no host is called as it was asked for: one that was forgotten may have done something all the same. */
  noHost?: string;
  now: number;
};

type EventsParts = {
  ledger: Ledger;
  book: HostBook;
  arrivals: Arrivals;
  enrichment: Enrichment;
  now: () => number;
};

/** Where nobody says since when. Seconds. */
const DEFAULT_SINCE = 86_400;
const MOST = 1000;
/** Whoever asks at the admin socket is cut after 30 s of silence. */
const LONGEST_WAIT = 20;

/**
 * `events [--since …] [--until …] [--jail J] [--host H] [--ip RANGE]`: with `after`, the `place` that came with the last answer, what
 * came behind it; with `wait` an answer without anything waits that many seconds for the next commit.
 */
export async function events(args: Args, parts: EventsParts): Promise<AdminReply> {
  const { ledger, arrivals, now } = parts;
  const wanted = readWanted(args, now());
  if ('ok' in wanted) return wanted;
  const most = Math.min(MOST, numberOf(args, 'limit') ?? MOST);
  if (!(most >= 1)) return decline('limit', 'limit takes a number from 1 to 1000');
  const begin = beginOf(args, ledger, wanted.since);
  if (begin === undefined)
    return decline('place', `"${textOf(args, 'after')}" is no place that an answer of events named`);
  const { cursor, isAnew } = begin;
  const wait = Math.min(LONGEST_WAIT, numberOf(args, 'wait') ?? 0);
  // Begun before it is read: what is committed in between is not waited for in vain.
  const arrival = wait > 0 ? arrivals.next(wait) : undefined;
  const part = readPart(ledger.sql, cursor, wanted, most);
  if (arrival === undefined || isAnew || part.happenings.length > 0 || !part.isAll)
    return answer(args, part, isAnew, parts);
  await arrival;
  return answer(args, readPart(ledger.sql, part.cursor, wanted, most), false, parts);
}

async function answer(
  args: Args,
  { happenings, cursor, isAll }: Part,
  isAnew: boolean,
  { ledger, book, enrichment, now }: EventsParts,
): Promise<AdminReply> {
  const { epoch } = ledger.head();
  const told = await enrichment.tell(happenings);
  const unknown = ifNoHost(textOf(args, 'host'), book);
  const part = {
    events: told,
    place: textOfCursor(epoch, cursor),
    isAll,
    isAnew,
    isEnriched: enrichment.isOn,
    ...(unknown === undefined ? {} : { noHost: unknown }),
    now: now(),
  };
  return { ok: true, result: part satisfies EventsPart };
}

/** Where reading begins; undefined where `after` names what no answer gave. */
function beginOf(
  args: Args,
  ledger: Ledger,
  since: number | undefined,
): { cursor: Cursor; isAnew: boolean } | undefined {
  const after = textOf(args, 'after');
  if (after === undefined)
    return {
      cursor: since === undefined ? cursorNow(ledger.sql) : cursorBefore(ledger.sql, since),
      isAnew: false,
    };
  const read = cursorFrom(after);
  if (read === undefined) return undefined;
  return read.epoch === ledger.head().epoch
    ? { cursor: read.cursor, isAnew: false }
    : { cursor: cursorNow(ledger.sql), isAnew: true };
}

function readWanted(args: Args, now: number): Wanted | AdminReply {
  const isFollowing = textOf(args, 'after') !== undefined;
  const since = readMoment(textOf(args, 'since'), now);
  const until = readMoment(textOf(args, 'until'), now);
  if (since === null || until === null) return decline('duration', MOMENT_FAULT);
  const ip = textOf(args, 'ip');
  const target = ip === undefined ? undefined : parseTarget(ip);
  if (target?.ok === false) return decline('address', target.fault);
  const concerns = target === undefined ? undefined : concerning(target.value);
  const [jail, host] = [textOf(args, 'jail'), textOf(args, 'host')];
  const isFromNow = args['fromNow'] === true;
  return {
    since: since ?? (isFollowing || isFromNow ? undefined : now - DEFAULT_SINCE),
    until,
    matches: (happening, hosts) =>
      (jail ?? happening.jail) === happening.jail &&
      (host === undefined || hosts.includes(host)) &&
      (concerns === undefined || isAbout(happening, concerns)),
  };
}

function isAbout({ ip }: Happening, concerns: ReturnType<typeof concerning>): boolean {
  if (ip === null) return false;
  const target = parseTarget(ip);
  return target.ok && concerns(target.value);
}

function numberOf(args: Args, name: string): number | undefined {
  const value = args[name];
  return typeof value === 'number' ? value : undefined;
}

function textOfCursor(epoch: string, { reports, events: seq, outcomes, audit }: Cursor): string {
  return `${epoch}:${reports}.${seq}.${outcomes}.${audit}`;
}

function cursorFrom(text: string): { epoch: string; cursor: Cursor } | undefined {
  const match = /^(.*):(\d{1,15})\.(\d{1,15})\.(\d{1,15})\.(\d{1,15})$/.exec(text);
  if (match === null) return undefined;
  const [, epoch = '', ...numbers] = match;
  const [reports = 0, seq = 0, outcomes = 0, audit = 0] = numbers.map(Number);
  return { epoch, cursor: { reports, events: seq, outcomes, audit } };
}
