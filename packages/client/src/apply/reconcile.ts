import { setImmediate } from 'node:timers/promises';
import { isRange, type BanKey, type JailName, type ProgName, type Target } from '@banshare/protocol';
import { monotonicSeconds, type FaultLog, type Log } from '@banshare/runtime';
import type { Applier } from './apply.ts';
import type { BanRow, Standing } from '../bans/ban-row.ts';
import { type Enforcer, EVERY_JAIL, type Listing } from '../enforcers/enforcer.ts';
import type { Notes } from '../host/echo-notes.ts';
import { inParts, pageByPage } from '../host/in-parts.ts';
import type { Comparison } from '../bans/receipt.ts';
import { planRepair, type Found, type Placed } from '../bans/plan.ts';
import type { State } from '../bans/state.ts';
import { letGo, putBack } from '../bans/transitions.ts';
import { unbanOf, type Change } from '../bans/change.ts';

/** now is epoch seconds by the server's clock; isInStep: the state is what the fleet wants. */
export type ReconcileParts = {
  state: State;
  /** The enforcer that is looked after, of several, and which bans it is for. */
  enforcer: Enforcer;
  covers: (ban: BanKey) => boolean;
  applier: Applier;
  log: Pick<Log, 'info' | 'notice'>;
  faults: Pick<FaultLog, 'fault' | 'over'>;
  now: () => number;
  isInStep: () => boolean;
  tellNow: () => void;
  /** What was let go leaves no note: from then on a ban of it is this host's own. */
  notes: Pick<Notes, 'remove'>;
};

/** Looks come often enough that a flushed firewall or a restarted fail2ban is repaired within a minute. */
const LOOK_MS = 15_000;
/** Every so many looks an address is tried, where only that shows whether the rules still stand. */
const LOOKS_A_PROBE = 2;
/** Ends that differ by no more are the same: seconds are rounded, and listing takes time. */
const TOLERANCE_SECONDS = 5;

const IN_PLACE = ['applied', 'already', 'unproven'] as const;

/** Nobody's ban, in every jail. */
const NOBODY = { prog: '' as ProgName, jail: '' as JailName, localJail: EVERY_JAIL as JailName };

type Wanted = Placed & { rows: Standing[] };

/**
 * Keeps what the enforcer has as it should be: what was lost is put in place again, what nobody wants any more is lifted. What
 * fail2ban let go, since its time was over or a person lifted it, stays let go.
 */
export class Reconciler {
  readonly #parts: ReconcileParts;
  #running: Promise<void> | undefined;
  #looks = 0;
  #hasFailed = false;
  readonly #beganAt = monotonicSeconds();
  /** Monotonic seconds. */
  #comparedAt: number | undefined;
  /** Why the newest comparison could not be made. */
  #blind: string | undefined;

  constructor(parts: ReconcileParts) {
    this.#parts = parts;
  }

  /** How old what this host knows of its enforcer is, in seconds, and why it is no younger; undefined where it cannot know. */
  get comparison(): Comparison | undefined {
    if (this.#parts.enforcer.list === undefined) return undefined;
    // Where fail2ban's socket was never there, its bans go by a command, which cannot tell what is in place.
    if (this.#blind === '' && this.#comparedAt === undefined) return undefined;
    const blind = this.#blind === '' ? 'fail2ban does not run' : this.#blind;
    return { ago: monotonicSeconds() - (this.#comparedAt ?? this.#beganAt), blind };
  }

  /** Compares everything now and in the interval, and looks cheaply every few seconds. Returns how to stop. */
  start(intervalSeconds: number): () => Promise<void> {
    void this.compareNow();
    const look = setInterval(() => this.#run(() => this.#look()), Math.min(LOOK_MS, intervalSeconds * 1000));
    const all = setInterval(() => void this.compareNow(), intervalSeconds * 1000);
    return async () => {
      clearInterval(look);
      clearInterval(all);
      await this.#running;
    };
  }

  /** Compares everything now, or right after the comparison that is under way. */
  compareNow(): Promise<void> {
    const before = this.#running ?? Promise.resolve();
    return this.#follow(before.then(() => this.#guarded(() => this.#compare())));
  }

  #run(work: () => Promise<void>): void {
    if (this.#running === undefined) void this.#follow(this.#guarded(work));
  }

  #follow(running: Promise<void>): Promise<void> {
    this.#running = running;
    return running.then(() => {
      if (this.#running === running) this.#running = undefined;
    });
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const reason = (error as Error).message;
      this.#blind = reason;
      this.#parts.faults.fault('reconcile', 'Cannot compare bans', { reason });
    }
  }

  async #look(): Promise<void> {
    const { enforcer } = this.#parts;
    if ((await enforcer.isIntact?.()) === false) {
      await this.#compare();
      return;
    }
    this.#looks += 1;
    if (this.#looks % LOOKS_A_PROBE !== 0) return;
    await this.#probe();
    await this.#prove();
  }

  async #compare(): Promise<void> {
    const { enforcer, state, faults } = this.#parts;
    if (enforcer.list === undefined) return;
    const rows = await this.#settledRows();
    const listing = await enforcer.list([...new Set(rows.map(({ localJail }) => localJail))]);
    if (!listing.ok) {
      this.#hasFailed = true;
      this.#blind = listing.reason;
      if (listing.reason !== '') faults.fault('reconcile', 'Cannot compare bans', { reason: listing.reason });
      return;
    }
    faults.over('reconcile');
    // The enforcer is back: what failed while it was away need not wait for its next try.
    if (this.#hasFailed) state.tryAgainNow(this.#parts.now());
    this.#hasFailed = false;
    await this.#repair(rows, listing);
    this.#comparedAt = monotonicSeconds();
    this.#blind = undefined;
  }

  async #repair(rows: readonly Standing[], listing: Listing & { ok: true }): Promise<void> {
    const { enforcer, applier, now } = this.#parts;
    const current: Standing[] = [];
    await inParts(rows, (some) => {
      current.push(...some.filter((row) => this.#isUntouched(row)));
    });
    const wanted = wantedOf(current, enforcer.reach, listing);
    await setImmediate();
    const found = foundIn(listing, now());
    await setImmediate();
    const { put, move, drop } = planRepair(wanted, found, TOLERANCE_SECONDS);
    const isLost = ({ jail }: Wanted): boolean => listing.isAnew(jail);
    const lost = put.filter(isLost).flatMap((each) => each.rows);
    // Ends are reckoned by the server's clock, which is known once it was heard.
    const moved = this.#parts.isInStep() ? move.flatMap((each) => each.rows) : [];
    const again = [...lost, ...moved];
    if (lost.length > 0)
      this.#parts.log.notice('Bans were lost and are put in place again', { bans: lost.length });
    await this.#applyAgain(again);
    await this.#release(put.filter((each) => !isLost(each)).flatMap((each) => each.rows));
    if (enforcer.reach === 'host' && this.#parts.isInStep())
      await this.#drop(drop.filter(({ ip }) => !applier.isBusy(ip)));
  }

  /** Tries one address of each jail: fail2ban then looks after its rules, and tells where it had to make them anew. */
  async #probe(): Promise<void> {
    const { enforcer } = this.#parts;
    if (enforcer.isRepaired === undefined) return;
    const rows = this.#parts.state.longestInPlace().filter((row) => this.#isSettled(row));
    for (const [jail, [row]] of Map.groupBy(rows, ({ localJail }) => localJail)) {
      if (row === undefined || !(await enforcer.isRepaired(jail, row.ip))) continue;
      this.#parts.log.notice('The rules of a jail were gone; its bans are put in place again', { jail });
      // Compared first, so that a ban which fail2ban let go just before is released, and not put in place again.
      await this.#compare();
      await this.#applyAgain((await this.#settledRows()).filter((row) => row.localJail === jail));
    }
  }

  /** Carries out again what could not be seen in the firewall, once bans of its jail can be. */
  async #prove(): Promise<void> {
    const { enforcer, state } = this.#parts;
    if (enforcer.isProven === undefined) return;
    const rows = state.withStatus('unproven').filter((row) => this.#isSettled(row));
    for (const all of Map.groupBy(rows, ({ localJail, ip }) => `${localJail} ${ip.includes(':')}`).values()) {
      const [row] = all;
      if (row !== undefined && (await enforcer.isProven(row.localJail, row.ip))) await this.#applyAgain(all);
    }
  }

  async #settledRows(): Promise<Standing[]> {
    const { state } = this.#parts;
    const settled: Standing[] = [];
    const take = (rows: readonly Standing[]): void =>
      void settled.push(...rows.filter((row) => this.#isSettled(row)));
    await pageByPage(
      (behind, limit) => state.pageOf(IN_PLACE, behind, limit),
      take,
      () => true,
    );
    return settled;
  }

  /** Whether a ban in place is this enforcer's, is not under way, and does not end just now. */
  #isSettled(row: BanRow): boolean {
    const { applier, covers, enforcer, now } = this.#parts;
    return (
      covers(row) &&
      (enforcer.takesRanges || !isRange(row.ip)) &&
      !applier.isBusy(row.ip) &&
      (row.until === null || row.until > now() + TOLERANCE_SECONDS)
    );
  }

  /** Whether a row is still what it was when the listing was asked for. */
  #isUntouched(row: BanRow): boolean {
    return !this.#parts.applier.isBusy(row.ip) && this.#isSame(row);
  }

  #isSame({ seq, status, ...ban }: BanRow): boolean {
    const current = this.#parts.state.get(ban);
    return current?.seq === seq && current.status === status;
  }

  /** A part at a time; what has changed since the part before stays as it is. */
  async #applyAgain(rows: readonly Standing[]): Promise<void> {
    const { state, applier, now } = this.#parts;
    await inParts(rows, (some) => {
      const pending: Standing[] = [];
      state.inTransaction(() => {
        for (const row of some.filter((each) => this.#isSame(each))) pending.push(putBack(row));
        for (const row of pending) state.put(row, now());
      });
      for (const row of pending) applier.queue(row);
    });
  }

  async #release(rows: readonly Standing[]): Promise<void> {
    const { state, log, now, tellNow, notes } = this.#parts;
    const why = 'its time was over here, or a person lifted it';
    await inParts(rows, (some) => {
      const released = some.filter((row) => this.#isSame(row));
      for (const { localJail, ip } of released) notes.remove(localJail, ip);
      state.inTransaction(() => {
        for (const row of released) {
          state.put(letGo(row), now());
          state.tell({ seq: row.seq, outcome: 'released' });
        }
      });
      if (released.length > 0) tellNow();
      for (const { ip, localJail: jail } of released) log.info('Released', { ip, jail, why });
    });
  }

  async #drop(found: readonly Found[]): Promise<void> {
    const { state, enforcer, covers, log } = this.#parts;
    const isOver = new Set(['skipped', 'released', 'failed']);
    const isWanted = ({ ip }: Found): boolean =>
      state.of(ip).some((row) => covers(row) && !isOver.has(row.status));
    const changes: Change[] = [];
    await inParts(found, (some) => {
      for (const each of some.filter((one) => !isWanted(one)))
        changes.push(unbanOf({ ...NOBODY, ip: each.ip as Target }, 0));
    });
    if (changes.length === 0) return;
    log.notice('Addresses that no ban of the fleet wants are lifted', { addresses: changes.length });
    await enforcer.carryOut(changes);
  }
}

/** What should be in place: each address once in each jail, or once on the host, until the last of its bans ends. */
function wantedOf(
  rows: readonly Standing[],
  reach: Enforcer['reach'],
  listing: Listing & { ok: true },
): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const row of rows) {
    const jail = reach === 'host' ? EVERY_JAIL : row.localJail;
    // The enforcer told nothing of this jail, which is not there now: its bans are not lost, and not let go.
    if (!listing.held.has(jail)) continue;
    const known = wanted.get(`${jail} ${row.ip}`);
    if (known === undefined)
      wanted.set(`${jail} ${row.ip}`, { jail, ip: row.ip, until: row.until, rows: [row] });
    else {
      known.rows.push(row);
      known.until = known.until === null || row.until === null ? null : Math.max(known.until, row.until);
    }
  }
  return [...wanted.values()];
}

function foundIn(listing: Listing & { ok: true }, now: number): Found[] {
  return [...listing.held].flatMap(([jail, held]) =>
    [...held].map(([ip, seconds]) => ({
      jail,
      ip,
      until: typeof seconds === 'number' ? now + seconds : seconds,
    })),
  );
}
