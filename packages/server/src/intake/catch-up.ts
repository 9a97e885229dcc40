import {
  type SnapshotReason,
  SYNC_PAGE,
  type SyncAnswer,
  syncFields,
  type SyncRequest,
} from '@banshare/protocol';
import { retry, type Answer } from '../words/answer.ts';
import type { Ledger } from '../ledger/ledger.ts';

/** Until this ledger has the events that the host has: its heartbeats say when that is. Seconds. */
const BEHIND_AFTER = 10;

/**
 * Answers sync: the events after a position that is ours, else a page of the active bans as of one head. A host that has more
 * of this epoch is not answered: this ledger is an older copy, and may not take away what it does not know.
 */
export async function catchUp(request: SyncRequest, ledger: Ledger, now: number): Promise<Answer> {
  const limit = Math.min(request.limit, SYNC_PAGE);
  const { epoch, seq } = ledger.head();
  const { since } = request;
  if (request.epoch === epoch && since !== undefined && since > seq) {
    const reason = `this server's ledger ends at event ${seq} and you have ${since}: it is an older copy of itself, keep your bans`;
    return { ...retry('behind', reason, BEHIND_AFTER), epoch, seq };
  }
  const answer =
    (await eventsAfter(request, ledger, limit)) ?? (await snapshotPage(request, ledger, limit, now));
  return { status: 'OK', verdict: 'accepted', fields: syncFields(answer) };
}

async function eventsAfter(
  request: SyncRequest,
  ledger: Ledger,
  limit: number,
): Promise<SyncAnswer | undefined> {
  const { epoch, since, tail } = request;
  const head = ledger.head();
  if (request.snapshot !== undefined || since === undefined || epoch !== head.epoch) return undefined;
  const known = await ledger.at(since);
  if (known === undefined || known.tail !== tail) return undefined;
  return { kind: 'events', head, events: await ledger.since(since, limit) };
}

/**
 * All pages are as of the head of the first: a ban that is published again meanwhile leaves the later pages, and comes with
 * the events after that head.
 */
async function snapshotPage(
  request: SyncRequest,
  ledger: Ledger,
  limit: number,
  now: number,
): Promise<SyncAnswer> {
  const current = ledger.head();
  const asOf = request.epoch === current.epoch ? await headOf(request, ledger) : undefined;
  const head = asOf ?? current;
  const afterSeq = asOf === undefined ? 0 : cursorOf(request.next);
  const bans = await ledger.active({ afterSeq, uptoSeq: head.seq, limit }, now);
  const last = bans.at(-1);
  const next = bans.length === limit && last !== undefined ? { next: String(last.seq) } : {};
  return { kind: 'snapshot', head, bans, ...next, ...(await becauseOf(request, ledger)) };
}

/** Why a position of this epoch gets a snapshot; of another epoch that needs no word. */
async function becauseOf(
  { epoch, since }: SyncRequest,
  ledger: Ledger,
): Promise<{ because?: SnapshotReason }> {
  if (since === undefined || epoch !== ledger.head().epoch) return {};
  return { because: (await ledger.at(since)) === undefined ? 'old' : 'tail' };
}

async function headOf(request: SyncRequest, ledger: Ledger): Promise<SyncAnswer['head'] | undefined> {
  return request.snapshot === undefined || request.next === undefined
    ? undefined
    : ledger.at(request.snapshot);
}

function cursorOf(next: string | undefined): number {
  return next !== undefined && /^\d{1,15}$/.test(next) ? Number(next) : 0;
}
