import { hash } from 'node:crypto';
import { digestText, type BanKey, type Receipt } from '@banshare/protocol';
import type { BanRow } from './ban-row.ts';
import { sayReason, type ReasonCode } from './reason.ts';

/** What counts of a row: its status, why, and whether banshare put it there. */
export type Counted = Pick<BanRow, 'status' | 'reason' | 'keptBack' | 'isOurs'>;

/** Where a ban stands between what should be in place here and what is. */
type Standing = 'placed' | 'failed' | 'full' | 'unproven' | 'unfit' | 'missing' | 'unwanted';

/**
 * How many bans should be in place on this host and how many are, kept while rows change: an acknowledgement each few seconds
 * must not read a hundred thousand of them.
 */
export class Tally {
  readonly #counts: Record<Standing, number> = {
    placed: 0,
    failed: 0,
    full: 0,
    unproven: 0,
    unfit: 0,
    missing: 0,
    unwanted: 0,
  };
  readonly #wanted = new Digest();
  readonly #placed = new Digest();
  /** Why the newest of the failed bans failed. */
  #why = '';
  #byBanshare = 0;

  /** Takes what the row of a ban was, where there was one, and what it is now, where it is there still. */
  change(ban: BanKey, before: Counted | undefined, row: Counted | undefined): void {
    if (row?.status === 'failed' && row.reason.code !== 'range')
      this.#why = sayReason(row.reason).replace(/[\s:]+$/, '');
    this.#byBanshare += Number(isByBanshare(row)) - Number(isByBanshare(before));
    const [was, is] = [standingOf(before), standingOf(row)];
    // Most changes only move a ban's end.
    if (was === is) return;
    this.#counts[was] -= 1;
    this.#counts[is] += 1;
    // One letter a byte: a burst of bans comes through here, and a Buffer for each would take twice as long.
    const bytes = hash('sha256', digestText(ban), 'binary');
    if (isWanted(was) !== isWanted(is)) this.#wanted.toggle(bytes);
    if ((was === 'placed') !== (is === 'placed')) this.#placed.toggle(bytes);
  }

  /** How many bans are in place by banshare, or about to be. */
  get byBanshare(): number {
    return this.#byBanshare;
  }

  /** How many were left out, or are being lifted, since this host has as many as it takes. */
  get full(): number {
    return this.#counts.full;
  }

  get receipt(): Omit<Receipt, 'enforcer'> {
    const { placed, failed, full, unproven, unfit, missing } = this.#counts;
    return {
      wanted: placed + failed + full + unproven + missing,
      placed,
      failed,
      full,
      unproven,
      unfit,
      wantedDigest: this.#wanted.text,
      placedDigest: this.#placed.text,
      ...(failed === 0 || this.#why === '' ? {} : { why: this.#why }),
    };
  }
}

/** What this host's own detection put in place is none of those that give way, whether it can be seen or not. */
function isByBanshare(row: Counted | undefined): boolean {
  return row?.status === 'pending' || row?.status === 'applied' || (row?.status === 'unproven' && row.isOurs);
}

function isWanted(standing: Standing): boolean {
  return standing !== 'unwanted' && standing !== 'unfit';
}

/** What this host leaves out on purpose is not wanted here; a pause and a limit are no purpose that lasts. */
function standingOf(row: Counted | undefined): Standing {
  if (row === undefined) return 'unwanted';
  const { status, reason, keptBack } = row;
  switch (status) {
    case 'applied':
    case 'already':
      return 'placed';
    case 'unproven':
      return 'unproven';
    case 'failed':
      return reason.code === 'range' ? 'unfit' : 'failed';
    case 'pending':
      return 'missing';
    case 'skipped':
      return keptBackAs(reason.code);
    case 'lifting':
      return keptBackAs(keptBack.code);
    default:
      return 'unwanted';
  }
}

function keptBackAs(code: ReasonCode): Standing {
  if (code === 'full') return 'full';
  return code === 'paused' ? 'missing' : 'unwanted';
}

/** 64 bits into which bans are combined by XOR: what goes in a second time is out again. */
class Digest {
  #high = 0;
  #low = 0;

  toggle(bytes: string): void {
    this.#high ^= fourBytes(bytes, 0);
    this.#low ^= fourBytes(bytes, 4);
  }

  get text(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

function fourBytes(bytes: string, at: number): number {
  return (
    (bytes.charCodeAt(at) << 24) |
    (bytes.charCodeAt(at + 1) << 16) |
    (bytes.charCodeAt(at + 2) << 8) |
    bytes.charCodeAt(at + 3)
  );
}
