import { randomInt } from 'node:crypto';
import { type Address, OPERATOR, SHARED_JAIL } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { onlyListens } from '../../fleet/in-place.ts';
import { publishBans } from '../../ledger/deeds.ts';
import { keepDrill } from '../../ledger/books/last-drill.ts';
import type { Books } from '../../ledger/record.ts';
import { DRILL_PATIENCE_SECONDS, DRILL_REASON, type DrillTime } from '../../words/drill.ts';
import { refuseFrozen, type OperateParts } from './bans.ts';
import { isMuted, type Host } from '../../words/hosts/host.ts';

/** A ban that nobody lifts, because the server was killed in a drill, ends by itself. */
const DRILL_SECONDS = 60;
/** The last octet of an address of 203.0.113.0/24 is from 1 to this. */
const MOST_LAST = 254;

/**
 * Bans an address of a documentation range everywhere, measures each host's way there and back, lifts it, and keeps what came of it. `refuse`
 * is asked in the piece that bans it; what it says is the answer then.
 */
export async function drill(
  parts: OperateParts,
  { by, refuse = () => undefined }: { by?: 'clock'; refuse?: () => AdminReply | undefined } = {},
): Promise<AdminReply> {
  const began = parts.now();
  const { ledger } = parts;
  const done = await ledger.write(
    (books) => refuseFrozen(parts) ?? refuse() ?? banForDrill(books, parts, began, by),
  );
  if ('ok' in done) return done;
  const { ip, seq } = done;
  // What is committed is published behind this.
  const hosts = await arrivals(seq, parts, began);
  const note = (): void => keepDrill(ledger, { at: began, ip, hosts });
  await ledger.lift({ ip, jail: SHARED_JAIL }, parts.now(), { note });
  return { ok: true, result: { ip, hosts } };
}

function banForDrill(
  books: Books,
  { audit }: OperateParts,
  began: number,
  by?: 'clock',
): { ip: Address; seq: number } {
  const ip = freeAddress(books, began);
  const until = Math.ceil(began + DRILL_SECONDS);
  const ban = { ip, prog: OPERATOR, jail: SHARED_JAIL, until, reason: DRILL_REASON };
  const [event] = publishBans(books, [ban], began, 'operator');
  if (event === undefined) throw new Error('a ban without an event');
  audit.note('drill', { ip, ...(by === undefined ? {} : { by }) }, began);
  return { ip, seq: event.seq };
}

/** An address of the documentation range that nobody bans: lifting the drill's own ban would lift another of that address too. */
function freeAddress({ bans }: Books, now: number): Address {
  const first = randomInt(MOST_LAST);
  for (let n = 0; n < MOST_LAST; n += 1) {
    const ip = drillAddress(first + n);
    if (bans.around(ip, now).every((ban) => ban.ip !== ip)) return ip;
  }
  return drillAddress(first);
}

function drillAddress(n: number): Address {
  return `203.0.113.${(n % MOST_LAST) + 1}` as Address;
}

async function arrivals(seq: number, parts: OperateParts, began: number): Promise<DrillTime[]> {
  const { book, ledger, goneAfterSeconds, now } = parts;
  const { epoch } = ledger.head();
  const asked = book.present(began, goneAfterSeconds);
  const times = new Map<Host, number | null>(asked.map((host) => [host, null]));
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = book.onAcknowledged((host) => {
      const hasIt = host.position?.epoch === epoch && host.position.applied >= seq;
      if (!hasIt || times.get(host) !== null) return;
      times.set(host, now() - began);
      if (![...times.values()].includes(null)) finish();
    });
    const timer = setTimeout(finish, times.size === 0 ? 0 : DRILL_PATIENCE_SECONDS * 1000);
  });
  // Read here and not by the timer: a server that stops meanwhile closes its ledger, and what the timer throws would end it by an error.
  const told = book.outcomesOf(seq);
  return [...times].map(([host, seconds]) => drilled(host, seconds, told.get(host.id), began));
}

function drilled(
  host: Host,
  seconds: number | null,
  told: { outcome: string; reason: string | null } | undefined,
  now: number,
): DrillTime {
  // What was simply applied is told by the position alone.
  const { outcome, reason } = told ?? { outcome: seconds === null ? 'waiting' : 'applied', reason: null };
  return {
    host: host.name,
    seconds,
    outcome,
    reason,
    listens: onlyListens(host.receipt),
    isMuted: isMuted(host, now),
  };
}
