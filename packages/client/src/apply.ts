import { banKeyText, type BanKey } from '@banshare/protocol';
import { failpoint, type Log } from '@banshare/runtime';
import { changeOf, type BanRow, type RowStatus } from './ban-row.ts';
import type { Effect, Enforcer } from './enforcers/enforcer.ts';
import { again } from './retry.ts';
import type { State } from './state.ts';

/** now is epoch seconds by the server's clock; `settled` is called once the state has what became of a row. */
export type ApplyParts = {
  state: State;
  enforcer: Enforcer;
  concurrency: number;
  log: Pick<Log, 'info' | 'warning'>;
  now: () => number;
  settled: (row: BanRow, effect: Effect) => void;
};

/**
 * Carries out what the state says is `pending` or `lifting`: at most `concurrency` at once, and bans of one address one after
 * the other, in their order. What is to be done stands in the state before it is queued here, so a crash only repeats it.
 */
export class Applier {
  readonly #parts: ApplyParts;
  readonly #turns = new Map<string, Promise<void>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #isStopping = false;

  constructor(parts: ApplyParts) {
    this.#parts = parts;
  }

  /** Queues a ban; by its turn it may have moved on, and then what the state says by then is done. */
  queue(ban: BanKey): void {
    const earlier = this.#turns.get(ban.ip) ?? Promise.resolve();
    const turn = earlier.then(async () => {
      await this.#slot();
      try {
        if (!this.#isStopping) await this.#carryOut(ban);
      } catch (error) {
        this.#parts.log.warning('Cannot apply a ban', {
          ban: banKeyText(ban),
          error: (error as Error).message,
        });
      } finally {
        this.#release();
      }
    });
    this.#turns.set(ban.ip, turn);
    void turn.then(() => {
      if (this.#turns.get(ban.ip) === turn) this.#turns.delete(ban.ip);
    });
  }

  /** Begins nothing more and resolves when nothing runs; what is still queued stands in the state for the next start. */
  stop(): Promise<void> {
    this.#isStopping = true;
    return this.idle();
  }

  /** Resolves when nothing is queued. */
  async idle(): Promise<void> {
    while (this.#turns.size > 0) await Promise.all(this.#turns.values());
  }

  async #carryOut(ban: BanKey): Promise<void> {
    const row = this.#parts.state.get(ban);
    if (row?.status === 'pending') await this.#ban(row);
    else if (row?.status === 'lifting') await this.#lift(row);
  }

  async #ban(row: BanRow): Promise<void> {
    const effect = await this.#parts.enforcer.carryOut(changeOf(row, 'ban', this.#parts.now()));
    this.#settle(row, effect);
    const fields = { ip: row.ip, jail: effect.localJail, from: row.host, outcome: effect.outcome };
    if (effect.outcome === 'failed')
      this.#parts.log.warning('Cannot ban', { ...fields, reason: effect.reason });
    else this.#parts.log.info('Ban', fields);
  }

  async #lift(row: BanRow): Promise<void> {
    const heir = this.#parts.state
      .sharing(row)
      .find(({ status }) => status !== 'lifting' && status !== 'skipped');
    if (heir !== undefined) {
      // Another ban wants the address in the same place: it stays, and is lifted with that one, if it is ours to lift.
      const isOurs = heir.isOurs || row.isOurs;
      this.#parts.state.together(() => {
        this.#parts.state.put({ ...heir, isOurs }, this.#parts.now());
        this.#parts.state.remove(row);
      });
      return;
    }
    if (!row.isOurs && !row.isForced) {
      // The ban before it was not carried out, or found in place what this host's own detection had put there.
      this.#parts.state.remove(row);
      return;
    }
    const effect = await this.#parts.enforcer.carryOut(changeOf(row, 'unban', this.#parts.now()));
    const fields = { ip: row.ip, jail: effect.localJail, outcome: effect.outcome };
    if (effect.outcome === 'failed') {
      this.#parts.log.warning('Cannot lift', { ...fields, reason: effect.reason });
    } else this.#parts.log.info('Unban', fields);
    // Published again meanwhile, it is to be banned again: that row stays.
    const current = this.#parts.state.get(row);
    if (current?.status === 'lifting') {
      const next = effect.outcome === 'failed' ? again(current, effect.reason, this.#parts.now()) : undefined;
      if (next === undefined || next.retryAt === null) this.#parts.state.remove(row);
      else this.#parts.state.put(next, this.#parts.now());
    }
    this.#parts.settled(row, effect);
  }

  #settle(row: BanRow, effect: Effect): void {
    failpoint('applied');
    const current = this.#parts.state.get(row);
    if (current !== undefined) this.#write(row, effect, current);
    this.#parts.settled(row, effect);
  }

  #write(row: BanRow, effect: Effect, current: BanRow): void {
    // What banshare put in place earlier is still its own when the command finds it there.
    const isOurs = row.isOurs || effect.outcome === 'applied';
    const reason = 'reason' in effect ? effect.reason : '';
    const hasMoved = current.seq !== row.seq || current.status !== 'pending';
    const outcome = effect.outcome === 'already' && isOurs ? 'applied' : effect.outcome;
    const now = this.#parts.now();
    const settled = { ...current, localJail: effect.localJail, isOurs };
    if (hasMoved) this.#parts.state.put(settled, now);
    else if (outcome === 'failed')
      this.#parts.state.put({ ...again(settled, reason, now), status: outcome }, now);
    else this.#parts.state.put({ ...settled, status: outcome as RowStatus, reason, retryAt: null }, now);
  }

  async #slot(): Promise<void> {
    if (this.#running >= this.#parts.concurrency) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return;
    }
    this.#running += 1;
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
