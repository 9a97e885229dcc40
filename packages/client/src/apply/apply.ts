import { setTimeout } from 'node:timers/promises';
import { banKeyText, type BanKey } from '@banshare/protocol';
import { failpoint, type Log } from '@banshare/runtime';
import { isOfFile } from '../bans/state-schema.ts';
import { changeOf, isOver, isWanted, type BanRow, type Lift, type Standing } from '../bans/ban-row.ts';
import type { Enforcer } from '../enforcers/enforcer.ts';
import type { State } from '../bans/state.ts';
import { banned, inherited, lifted, liftFailed } from '../bans/transitions.ts';
import { AddressQueue, type Kind } from './address-queue.ts';
import { isProtection } from '../bans/reason.ts';
import { type Change, type Effect, reasonOf } from '../bans/change.ts';

/**
 * now is epoch seconds by the server's clock; `settled` is called once the state has what became of a row, in the same
 * transaction: what it notes of a batch is one commit.
 */
export type ApplyParts = {
  state: State;
  enforcer: Enforcer;
  /** How many batches may run at once. */
  concurrency: number;
  log: Pick<Log, 'info' | 'warning'>;
  now: () => number;
  settled: (row: BanRow, effect: Effect) => void;
};

/** What the state did not take is tried again after so long. */
const AGAIN_MS = 1000;

type Step = { row: BanRow; change: Change };

/**
 * Carries out what the state says is `pending` or `lifting`, in batches: what has gathered while the one before ran. At rest
 * that is a single ban, which begins at once. What is to be done stands in the state before it is queued here, so a crash only
 * repeats it.
 */
export class Applier {
  readonly #parts: ApplyParts;
  /** How many batches may run at once. */
  concurrency: number;
  readonly #waiting = new AddressQueue();
  readonly #idle: (() => void)[] = [];
  readonly #watching: ((row: BanRow) => void)[] = [];
  /** Kinds of enforcers of which the log says already that they cannot ban ranges. */
  readonly #unfit = new Set<string>();
  /** Jails of which the log says already that a ban cannot be seen in the firewall. */
  readonly #unproven = new Set<string>();
  #running = 0;
  #isBeginning = false;
  #isStopping = false;

  constructor(parts: ApplyParts) {
    this.#parts = parts;
    this.concurrency = parts.concurrency;
  }

  /** Queues a ban; by its turn it may have moved on, and then what the state says by then is done. */
  queue(row: BanRow): void {
    this.#waiting.add(row, kindOf(row));
    this.#beginSoon();
  }

  /**
   * Begins no ban until letBansGo(): while this host catches up, what it hears may be lifted by the next event. What is to be
   * lifted goes on.
   */
  holdBans(): void {
    this.#waiting.areBansHeld = true;
  }

  letBansGo(): void {
    this.#waiting.areBansHeld = false;
    this.#beginSoon();
  }

  #beginSoon(): void {
    if (this.#isBeginning) return;
    this.#isBeginning = true;
    // All that is queued until this turn of the event loop ends becomes one batch, and so one commit.
    queueMicrotask(() => {
      this.#isBeginning = false;
      this.#begin();
    });
  }

  /** Whether a ban of this address waits or is being carried out. */
  isBusy(ip: string): boolean {
    return this.#waiting.has(ip);
  }

  /** Whether a ban of this address is being carried out. */
  isUnderWay(ip: string): boolean {
    return this.#waiting.isRunning(ip);
  }

  /** Tells of each row, as it was when its change was begun, once the state has what became of it. */
  onSettled(watch: (row: BanRow) => void): void {
    this.#watching.push(watch);
  }

  /** Begins nothing more and resolves when nothing runs; what is still queued stands in the state for the next start. */
  stop(): Promise<void> {
    this.#isStopping = true;
    return this.idle();
  }

  /** Resolves when nothing is queued, or nothing runs any more after stop(). */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #isIdle(): boolean {
    return this.#running === 0 && (this.#isStopping || this.#waiting.isEmpty);
  }

  #begin(): void {
    const { enforcer } = this.#parts;
    while (!this.#isStopping && this.#running < (enforcer.isSerial ? 1 : this.concurrency)) {
      const batch = this.#waiting.take(enforcer.mostAtOnce);
      if (batch.length === 0) break;
      this.#running += 1;
      void this.#carryOut(batch).finally(() => {
        this.#running -= 1;
        this.#waiting.done(batch);
        // An enforcer that is done at once would work off a whole backlog in one turn of the event loop, and timers, news and
        // commands would have to wait for its end.
        if (this.#isIdle()) this.#begin();
        else setImmediate(() => this.#begin());
      });
    }
    if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #carryOut(batch: readonly BanKey[]): Promise<void> {
    const steps = await this.#written(batch, () => batch.flatMap((ban) => this.#stepsOf(ban)));
    if (steps === undefined || steps.length === 0) return;
    const effects = await this.#effectsOf(steps);
    failpoint('applied');
    const settled = await this.#written(batch, () => this.#settle(steps, effects));
    for (const { row, effect } of settled ?? []) {
      for (const watch of this.#watching) watch(row);
      this.#say(row, effect);
    }
  }

  /**
   * Does something in one transaction of the state. Where its file takes nothing now, as on a full disk, it is tried until it does: a batch whose
   * end is not noted would wait for a next start of this program, and what it has put in place be nobody's to lift. What no trying would mend
   * must not hold up the bans behind it. Undefined then, and once this stops.
   */
  async #written<T>(batch: readonly BanKey[], work: () => T): Promise<T | undefined> {
    for (let isSaid = false; ; isSaid = true) {
      try {
        let done: T | undefined;
        this.#parts.state.inTransaction(() => (done = work()));
        return done;
      } catch (error) {
        const isTriedAgain = isOfFile(error);
        if (!isSaid) this.#sayUnwritten(batch, error as Error, isTriedAgain);
        if (!isTriedAgain) return undefined;
      }
      if (this.#isStopping) return undefined;
      await setTimeout(AGAIN_MS);
    }
  }

  #sayUnwritten(batch: readonly BanKey[], { message: error }: Error, isTriedAgain: boolean): void {
    const [ban] = batch.map(banKeyText);
    const text = `Cannot write the state of bans; ${isTriedAgain ? 'it is tried until it can be' : 'they wait for the next start'}`;
    this.#parts.log.warning(text, { bans: batch.length, ban: ban ?? '', error });
  }

  /** What came of each step. An enforcer throws where nobody expected it: then what it was asked to do may be done. */
  async #effectsOf(steps: readonly Step[]): Promise<readonly Effect[]> {
    try {
      return await this.#parts.enforcer.carryOut(steps.map(({ change }) => change));
    } catch (error) {
      const reason = (error as Error).message;
      return steps.map(({ change: { kind, localJail } }) => ({
        outcome: 'failed',
        reason,
        localJail,
        isBegun: kind === 'ban',
      }));
    }
  }

  /** Notes what became of a batch; to be called in a transaction. */
  #settle(steps: readonly Step[], effects: readonly Effect[]): { row: BanRow; effect: Effect }[] {
    return steps.flatMap(({ row }, index) => {
      const effect = effects[index];
      if (effect === undefined) return [];
      if (row.status === 'lifting') this.#settleLift(row, effect);
      else this.#settleBan(row, effect);
      this.#parts.settled(row, effect);
      return [{ row, effect }];
    });
  }

  /** What the enforcer has to do for a ban, if anything. */
  #stepsOf(ban: BanKey): Step[] {
    const row = this.#parts.state.get(ban);
    // This ban ended while it waited: the clockwork is about to end its row, so that nothing has to be begun.
    if (row?.status === 'pending' && isOver(row, this.#parts.now())) return [];
    if (row?.status === 'pending') return [{ row, change: this.#changeOf(row, 'ban') }];
    if (row?.status !== 'lifting' || this.#isForgotten(row)) return [];
    return [{ row, change: this.#changeOf(row, 'unban') }];
  }

  #changeOf(row: BanRow, kind: Change['kind']): Change {
    const { state, enforcer, now } = this.#parts;
    return changeOf(row, kind, now(), enforcer.reach === 'host' ? state.ofSameAddress(row) : []);
  }

  /** Whether a ban that is over leaves nothing to lift; then its row is gone. */
  #isForgotten(row: Lift): boolean {
    const { state } = this.#parts;
    const heir = state.sharing(row).find(isWanted);
    if (heir !== undefined) {
      state.put(inherited(heir, row), this.#parts.now(), heir);
      this.#end(row);
      return true;
    }
    if (row.isOurs || row.isForced) return false;
    // Nothing here is ours to lift: the ban was never carried out, or it found in place what this host's own detection had put
    // there, which an unban would take away.
    this.#end(row);
    return true;
  }

  #end(row: Lift): void {
    const { state, now } = this.#parts;
    const next = lifted(row);
    if (next === undefined) state.remove(row);
    else state.put(next, now(), row);
  }

  #settleLift(row: BanRow, effect: Effect): void {
    const { state } = this.#parts;
    // A ban that was published again while its lift ran is to be put in place again: its row must not be forgotten.
    const current = state.get(row);
    if (current?.status !== 'lifting') return;
    const now = this.#parts.now();
    if (effect.outcome === 'failed') state.put(liftFailed(current, effect.reason, now), now, current);
    else this.#end(current);
  }

  #settleBan(row: Standing, effect: Effect): void {
    const { state, now } = this.#parts;
    const current = state.get(row);
    if (current !== undefined) state.put(banned(current, row, effect, now()), now(), current);
  }

  #say(row: BanRow, effect: Effect): void {
    const { log } = this.#parts;
    const isBan = row.status === 'pending';
    const from = isBan ? { from: row.host } : {};
    const fields = { ip: row.ip, jail: effect.localJail, ...from, outcome: effect.outcome };
    for (const kind of effect.unfit ?? []) this.#sayUnfit(kind);
    if (effect.outcome === 'unproven') this.#sayUnproven(fields, effect.reason);
    else if (effect.outcome === 'failed' && effect.unfit === undefined)
      log.warning(isBan ? 'Cannot ban' : 'Cannot lift', { ...fields, reason: effect.reason });
    else
      log.info(
        isBan ? 'Ban' : 'Unban',
        effect.unfit === undefined ? fields : { ...fields, reason: reasonOf(effect) },
      );
  }

  /** Warns once of each jail: with a hundred bans in it the log would say the same a hundred times. */
  #sayUnproven(fields: { ip: string; jail: string }, reason: string): void {
    const { log } = this.#parts;
    const isNews = !this.#unproven.has(fields.jail);
    this.#unproven.add(fields.jail);
    const text = 'A ban was carried out and cannot be seen in the firewall';
    if (isNews) log.warning(text, { ...fields, reason });
    else log.info('Ban', { ...fields, reason });
  }

  /** Warns once of each kind of enforcer: an administrator can change it, and every range would only say it again. */
  #sayUnfit(enforcer: string): void {
    if (this.#unfit.has(enforcer)) return;
    this.#unfit.add(enforcer);
    this.#parts.log.warning(`This host's enforcer ${enforcer} cannot ban ranges; use nftables or ipset`);
  }
}

/** What a person lifts, what is protected and what a pause keeps back goes before everything. */
function kindOf({ status, isForced, keptBack }: BanRow): Kind {
  if (status !== 'lifting') return 'ban';
  return isForced || keptBack.code === 'paused' || isProtection(keptBack) ? 'first' : 'lift';
}
