import { banKeyText } from '@banshare/protocol';
import { monotonicSeconds, type Log } from '@banshare/runtime';
import type { BanRow } from '../bans/ban-row.ts';
import { decidedAnew } from '../bans/transitions.ts';
import { choose } from './choose.ts';
import { pageByPage } from '../host/in-parts.ts';
import { keepNewest } from './max-active.ts';
import type { Protection } from '../protection/protect.ts';
import { isProtection, sayReason, type Reason } from '../bans/reason.ts';
import type { DecideParts } from './parts.ts';

/**
 * What this host finds out by itself comes and goes: an administrator logs in again after a minute, a resolver names the
 * server's addresses in turn. So it has to be gone for so long; what a person listed, and lists no more, ends at once.
 */
const GONE_SECONDS = 600;
const OF_PROTECTION = ['listed', 'ignored', 'protected'] as const;

/** Applies what was skipped for a rule, once that rule has ended and as long as the ban holds. */
export class EndOfProtection {
  readonly #parts: DecideParts;
  readonly #protection: Pick<Protection, 'knowsIgnoreIp'>;
  readonly #log: Pick<Log, 'notice'>;
  readonly #monotonic: () => number;
  /** Since when the rule for a ban is gone, by `monotonic`. */
  #goneSince: ReadonlyMap<string, number> = new Map();

  /** @param monotonic seconds that never jump. */
  constructor(
    parts: DecideParts,
    protection: Pick<Protection, 'knowsIgnoreIp'>,
    log: Pick<Log, 'notice'>,
    monotonic: () => number = monotonicSeconds,
  ) {
    this.#parts = parts;
    this.#protection = protection;
    this.#log = log;
    this.#monotonic = monotonic;
  }

  /** Whether a ban waits for its rule to be gone long enough. */
  get isWaiting(): boolean {
    return this.#goneSince.size > 0;
  }

  /** Looks at everything that was skipped for a rule, a part at a time, as long as `isWanted` says so. */
  async look(isWanted: () => boolean): Promise<void> {
    const now = this.#monotonic();
    const since = new Map<string, number>();
    await pageByPage(
      (behind, limit) => this.#parts.state.skippedFor(OF_PROTECTION, behind, limit),
      (rows) => this.#lookAt(rows, now, since),
      isWanted,
    );
    this.#goneSince = since;
  }

  #lookAt(rows: readonly BanRow[], now: number, since: Map<string, number>): void {
    const { state, choice } = this.#parts;
    const gone = rows.filter((row) => !isProtected(choose(row, choice, this.#parts.now())));
    const beganAt = (row: BanRow): number => this.#goneSince.get(banKeyText(row)) ?? now;
    const ended = gone.filter((row) => now - beganAt(row) >= this.#graceOf(row));
    for (const row of gone) if (!ended.includes(row)) since.set(banKeyText(row), beganAt(row));
    if (ended.length === 0) return;
    const queued: BanRow[] = [];
    state.inTransaction(() => {
      for (const row of ended) this.#decideAnew(row, queued);
      keepNewest(this.#parts, queued);
    });
    for (const row of queued) this.#carryOut(row);
  }

  #carryOut(row: BanRow): void {
    const text = 'Applies a ban, since the address is protected no more';
    if (row.status === 'pending') this.#log.notice(text, { ip: row.ip, jail: row.jail });
    this.#parts.queue(row);
  }

  #decideAnew(row: BanRow, queued: BanRow[]): void {
    const { state, choice, now } = this.#parts;
    const again = decidedAnew(row, choose(row, choice, now()), whyOf(row));
    state.put(again, now());
    if (again.status === 'pending') queued.push(again);
    else state.tell({ seq: row.seq, outcome: 'skipped', reason: sayReason(whyOf(again)) });
  }

  #graceOf(row: BanRow): number {
    const { code } = whyOf(row);
    if (code === 'listed') return 0;
    if (code !== 'ignored') return GONE_SECONDS;
    // fail2ban has not said yet what it ignores: the rule may well be there still, so that nothing is applied.
    return this.#protection.knowsIgnoreIp() ? 0 : Infinity;
  }
}

/** Why a ban is not in place, or is about to be in place no more: its rule may end while the lift still runs. */
function whyOf({ status, reason, keptBack }: BanRow): Reason {
  return status === 'lifting' ? keptBack : reason;
}

function isProtected(chosen: ReturnType<typeof choose>): boolean {
  // A ban that is over is about to be forgotten: it need not be applied for its last second.
  return !chosen.apply && (isProtection(chosen.reason) || chosen.reason.code === 'expired');
}
