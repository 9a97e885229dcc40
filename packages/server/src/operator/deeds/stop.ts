import { FOR_EVER, parseDuration } from '@banshare/protocol';
import type { AdminReply } from '@banshare/runtime';
import { settleHeld, type FleetParts } from './fleet.ts';
import { decline, textOf, type Args } from './bans.ts';
import type { Frozen } from '../../judging/freeze.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { frozenUntil } from '../../words/phrases.ts';

type StopParts = FleetParts & { ledger: Ledger };

/** What holds now, and what held until then; an older server does not say that. */
export type Freezing = { frozen: Frozen; before?: Frozen | null };

const MOST_LISTED = 1000;

/**
 * `freeze [--for 30m]`: again, with another time, it goes on until that. The newest word counts, also where that ends sooner than somebody
 * else wanted, so what held before is in the answer and in the audit log.
 */
export async function freeze(
  args: Args,
  { ledger, freeze: holding, audit, now }: StopParts,
): Promise<AdminReply> {
  const text = textOf(args, 'for');
  const seconds = parseDuration(text ?? String(FOR_EVER));
  if (!seconds.ok) return decline('duration', seconds.fault);
  if (seconds.value === 0)
    return decline('duration', 'a freeze of no time is none: banshare-server freeze --for 30m');
  const at = now();
  const until = seconds.value === FOR_EVER ? null : at + seconds.value;
  const result = await ledger.write((): Freezing => {
    const before = holding.at(at);
    audit.note('freeze', { until, ...(before === null ? {} : { before: frozenUntil(before.until) }) }, at);
    return { frozen: holding.begin(until, at), before };
  });
  return { ok: true, result };
}

/** `thaw`: what was held meanwhile stays held, until somebody decides. */
export async function thaw({ ledger, freeze: holding, audit, now }: StopParts): Promise<AdminReply> {
  const wasHolding = await ledger.write(() => {
    const at = now();
    if (holding.at(at) === null) return false;
    audit.note('thaw', {}, at);
    return holding.end(at);
  });
  if (!wasHolding) return decline('thaw', 'the fleet is not frozen; nothing was done');
  return { ok: true, result: { held: ledger.countHeld() } };
}

/** A ban that waits for an operator. */
export type ListedHeld = {
  ip: string;
  prog: string;
  jail: string;
  host: string;
  at: number;
  until: number | null;
};

/** `held [publish|discard]`: the newest of what is held, or what becomes of all of it. */
export async function held(args: Args, parts: StopParts): Promise<AdminReply> {
  const action = textOf(args, 'action');
  if (action === 'publish') return settleHeld('release', parts);
  if (action === 'discard') return settleHeld('drop', parts);
  const { ledger, freeze: holding, now } = parts;
  const bans: ListedHeld[] = ledger.listHeld(MOST_LISTED);
  return { ok: true, result: { bans, held: ledger.countHeld(), frozen: holding.at(now()) } };
}
