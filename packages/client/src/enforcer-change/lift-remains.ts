import { FOR_EVER, type JailName, type Target } from '@banshare/protocol';
import type { Log } from '@banshare/runtime';
import { isWanted, type BanRow } from '../bans/ban-row.ts';
import { noLongerInTheWay, takenOver } from '../bans/transitions.ts';
import type { Enforcer } from '../enforcers/enforcer.ts';
import { inParts } from '../host/in-parts.ts';
import { isOfHost, holdersOf, type NotedEnforcer } from '../host-enforcer/noted-enforcers.ts';
import { noteEnforcers, notedEnforcers, type Before } from './hand-over.ts';
import type { Remain } from '../bans/remains.ts';
import type { State } from '../bans/state.ts';
import { reasonOf, unbanOf, type Change } from '../bans/change.ts';

/** What is needed to lift what earlier enforcers hold; isGone tells whether one of them cannot hold anything any more. */
export type LiftRemainsParts = {
  state: State;
  enforcerOf: (noted: NotedEnforcer) => Enforcer;
  isGone: (holder: string, noted: Before) => boolean;
  /** Resolves when nothing is under way at the enforcers that are asked now. */
  idle: () => Promise<void>;
  queue: (row: BanRow) => void;
  log: Pick<Log, 'notice' | 'warning'>;
  now: () => number;
};

const LOOK_MS = 15_000;

/** Bans that are lifted by one command, since they share what stands there. */
type Group = { lefts: Remain[]; ip: Target; localJail: JailName };

/**
 * Lifts what earlier enforcers of this host hold, each ban once the enforcers that follow have it, or once nobody wants it any
 * more. What cannot be lifted is tried again until it is, and said meanwhile: somebody may be locked out by it.
 */
export class LiftRemains {
  readonly #parts: LiftRemainsParts;
  readonly #enforcers = new Map<string, Enforcer>();
  readonly #failing = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #isOver: boolean;
  #isAsked = false;

  constructor(parts: LiftRemainsParts) {
    this.#parts = parts;
    this.#isOver = this.#holders().length === 0;
  }

  /** Lifts what it can, now and whenever more of it can be lifted. Returns how to stop. */
  start(): () => Promise<void> {
    if (this.#isOver) return () => this.#running;
    const timer = setInterval(() => void this.look(), LOOK_MS);
    void this.#lookWhenIdle();
    return () => {
      clearInterval(timer);
      this.#isOver = true;
      return this.#running;
    };
  }

  /** A ban was put in place or lifted by the enforcers that are asked now. */
  settled(row: BanRow): void {
    if (this.#isOver) return;
    if (row.status === 'lifting') {
      this.#sayWhatStands(row);
      void this.look(row.ip);
    }
    void this.#lookWhenIdle();
  }

  /** The enforcers that are asked now let go of an address. Nobody may hear that it is lifted while an earlier one holds it. */
  #sayWhatStands({ ip, seq }: BanRow): void {
    const { state } = this.#parts;
    if (state.of(ip).some(isWanted)) return;
    const holders = state.remains.noteUnban(ip, seq);
    const reason = `${holders.join(' and ')}, from before the enforcer was changed, still has it`;
    if (holders.length > 0) state.tell({ seq, outcome: 'failed', reason });
  }

  /** Lifts what can be lifted now, of one address or of all. */
  look(ip?: Target): Promise<void> {
    this.#running = this.#running.then(async () => {
      try {
        if (!this.#isOver) await this.#liftAll(ip);
      } catch (error) {
        const reason = (error as Error).message;
        this.#parts.log.warning('Cannot lift what an earlier enforcer holds', { reason });
      }
    });
    return this.#running;
  }

  async #lookWhenIdle(): Promise<void> {
    if (this.#isAsked) return;
    this.#isAsked = true;
    await this.#parts.idle();
    this.#isAsked = false;
    await this.look();
  }

  #holders(): [string, Before][] {
    return Object.entries(notedEnforcers(this.#parts.state)?.before ?? {});
  }

  async #liftAll(ip?: Target): Promise<void> {
    const holders = this.#holders();
    for (const [holder, noted] of holders) await this.#liftAt(holder, noted, ip);
    // Whoever stopped this meanwhile has it stay so.
    this.#isOver ||= holders.length === 0;
  }

  async #liftAt(holder: string, noted: Before, ip?: Target): Promise<void> {
    const { state } = this.#parts;
    const enforcer = this.#enforcers.get(holder) ?? this.#parts.enforcerOf(noted);
    this.#enforcers.set(holder, enforcer);
    const groups = groupsOf(state.remains.at(holder, ip), holder);
    const ready: Group[] = [];
    await inParts(groups, (some) => {
      ready.push(...some.filter((group) => this.#isReady(group) && !this.#isKept(group, holder)));
    });
    if (enforcer.leave !== undefined && ready.length === groups.length && ip === undefined) {
      const reason = await enforcer.leave();
      if (reason === '') this.#end(holder, enforcer.kind);
      else this.#fail(holder, noted, reason);
      return;
    }
    const reason = await this.#lift(ready, enforcer);
    if (reason !== '') this.#fail(holder, noted, reason);
    else if (enforcer.leave === undefined && state.remains.isEmptyAt(holder))
      this.#end(holder, enforcer.kind);
  }

  /** Lifts in batches; why some could not be lifted, or ''. */
  async #lift(groups: readonly Group[], enforcer: Enforcer): Promise<string> {
    let reason = '';
    for (let at = 0; at < groups.length && !this.#isOver;) {
      const batch = groups.slice(at, at + enforcer.mostAtOnce);
      at += batch.length;
      const effects = await enforcer.carryOut(batch.map(unbanOfGroup));
      const done = batch.filter((_, index) => effects[index]?.outcome !== 'failed');
      const failed = effects.find(({ outcome }) => outcome === 'failed');
      if (failed !== undefined) reason = reasonOf(failed);
      this.#forget(done.flatMap(({ lefts }) => lefts));
    }
    return reason;
  }

  /** Forgets what is lifted now; a ban that had to wait for that is put in place by the enforcers that follow. */
  #forget(lefts: readonly Remain[]): void {
    const { state, now, queue } = this.#parts;
    const queued: BanRow[] = [];
    state.inTransaction(() => {
      for (const left of lefts) {
        this.#sayLifted(state.remains.unbansEndingAt(left.holder, left.ip));
        state.remains.remove(left);
        const row = left.isBefore ? state.get(left) : undefined;
        if (row?.status !== 'applied' || row.isOurs) continue;
        queued.push(noLongerInTheWay(row));
      }
      for (const row of queued) state.put(row, now());
    });
    for (const row of queued) queue(row);
  }

  /** Whether the enforcers that follow have it, or need not have it. */
  #isReady({ lefts }: Group): boolean {
    return lefts.every((left) => {
      const row = this.#parts.state.get(left);
      if (row === undefined || left.isBefore) return true;
      return row.status === 'failed' ? row.retryAt === null : row.status !== 'pending';
    });
  }

  /** Whether another ban wants the address to stand right there: then it is that one's to lift. */
  #isKept({ lefts, ip, localJail }: Group, holder: string): boolean {
    const { state, now } = this.#parts;
    const enforcers = notedEnforcers(state)?.now ?? [];
    const heir = state
      .of(ip)
      .find(
        (row) =>
          row.localJail === localJail &&
          isWanted(row) &&
          enforcers.some((noted) => holdersOf(noted, row).includes(holder)),
      );
    if (heir === undefined) return false;
    state.inTransaction(() => {
      state.put(takenOver(heir), now());
      for (const left of lefts) state.remains.remove(left);
    });
    return true;
  }

  #fail(holder: string, noted: Before, reason: string): void {
    const { log, isGone, state } = this.#parts;
    const fields = { enforcer: noted.kind, reason };
    if (isGone(holder, noted)) {
      log.warning('What this enforcer held of banshare cannot be lifted, and is left to itself', fields);
      this.#forget(state.remains.at(holder));
      this.#drop(holder);
      return;
    }
    const note = notedEnforcers(state);
    if (note !== undefined && noted.trouble !== reason)
      noteEnforcers(state, {
        ...note,
        before: { ...note.before, [holder]: { ...noted, trouble: reason } },
      });
    if (this.#failing.has(holder)) return;
    this.#failing.add(holder);
    log.warning('What this enforcer holds of banshare cannot be lifted yet, and is tried again', fields);
  }

  #sayLifted(unbans: readonly number[]): void {
    for (const seq of unbans) this.#parts.state.tell({ seq, outcome: 'applied' });
  }

  #end(holder: string, kind: string): void {
    const { remains } = this.#parts.state;
    this.#sayLifted(remains.unbansEndingAt(holder));
    remains.clear(holder);
    this.#drop(holder);
    this.#parts.log.notice('Nothing of banshare stands any more where this enforcer had put it', {
      enforcer: kind,
    });
  }

  #drop(holder: string): void {
    const { state } = this.#parts;
    const note = notedEnforcers(state);
    if (note === undefined) return;
    const { [holder]: _, ...before } = note.before;
    noteEnforcers(state, { ...note, before });
  }
}

/** For the whole host an address stands once, in a jail once for each. */
function groupsOf(lefts: readonly Remain[], holder: string): Group[] {
  const groups = Map.groupBy(lefts, ({ ip, localJail }) => (isOfHost(holder) ? ip : `${ip} ${localJail}`));
  return [...groups.values()].flatMap((all) => {
    const [first] = all;
    return first === undefined ? [] : [{ lefts: all, ip: first.ip, localJail: first.localJail }];
  });
}

function unbanOfGroup({ lefts: [left], localJail }: Group): Change {
  const { ip, prog, jail } = left as Remain;
  return unbanOf({ ip, prog, jail, localJail }, FOR_EVER);
}
