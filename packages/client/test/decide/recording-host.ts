import assert from 'node:assert/strict';
import type { Event, Position, SnapshotReason } from '@banshare/protocol';
import { Applier } from '../../src/apply/apply.ts';
import type { BanRow } from '../../src/bans/ban-row.ts';
import { State } from '../../src/bans/state.ts';
import { endBan, recordNews } from '../../src/decide/record-news.ts';
import { HeldEnforcer } from '../enforcer-of-test.ts';
import { choiceOf, eventOf, folder, NOW } from '../make.ts';
import type { DecideParts } from '../../src/decide/parts.ts';

/** A host that takes news into a real state and applies them by commands that the test ends. */
export class Host implements Disposable {
  readonly #scratch = folder();
  readonly state = new State(this.#scratch.path);
  readonly enforcer: HeldEnforcer;
  readonly skipped: string[] = [];
  readonly applier: Applier;
  readonly parts: DecideParts;
  now = NOW;
  /** Fulfilled once the newest snapshot is taken; following waits for that before it goes on. */
  taken: void | Promise<void> = undefined;
  #seq = 0;

  /** @param mostAtOnce how many changes its enforcer takes in one go. */
  constructor(choice: Parameters<typeof choiceOf>[0] = {}, mostAtOnce = 1) {
    this.enforcer = new HeldEnforcer(mostAtOnce);
    const { state, enforcer } = this;
    const log = { info: () => undefined, warning: () => undefined };
    const now = (): number => this.now;
    this.applier = new Applier({ state, enforcer, concurrency: 4, log, now, settled: () => undefined });
    this.parts = {
      state,
      choice: choiceOf(choice),
      now,
      queue: (row) => this.applier.queue(row),
      isUnderWay: (of) => this.applier.isUnderWay(of),
      skipped: (_, reason) => this.skipped.push(reason),
    };
  }

  /** Takes events, each with the next seq. */
  hear(...events: Partial<Event>[]): void {
    const numbered = events.map((event) => eventOf({ ...event, seq: ++this.#seq }));
    void recordNews({ kind: 'events', events: numbered, position: this.position }, this.parts);
  }

  /** Of this host's history, from after a position that the server does not keep any more. */
  snapshot(...bans: Partial<Event>[]): void {
    this.snapshotOf({ because: 'old' }, ...bans);
  }

  /** Of whatever history. */
  snapshotOf(how: { because?: SnapshotReason; epoch?: string }, ...bans: Partial<Event>[]): void {
    const { epoch = 'e1', ...because } = how;
    const known = bans.map((ban) => eventOf({ epoch, seq: ++this.#seq, ...ban }));
    this.taken = recordNews(
      { kind: 'snapshot', bans: known, position: { ...this.position, epoch }, ...because },
      this.parts,
    );
  }

  /** Lifts what has ended, as the daemon does every second. */
  tick(): void {
    const queued: BanRow[] = [];
    this.state.inTransaction(() => {
      for (const row of this.state.over(this.now, 100)) endBan(row, this.parts, queued);
    });
    for (const row of queued) this.applier.queue(row);
  }

  /** Ends the next command, which must be this one. */
  async run(what: string, outcome: 'applied' | 'already' | 'failed' = 'applied'): Promise<void> {
    const { change, done } = await this.enforcer.next();
    assert.equal(`${change.kind} ${change.prog}/${change.localJail}`, what);
    done(outcome === 'failed' ? { outcome, reason: 'exit 1' } : { outcome });
  }

  /** Nothing more is to be done; the rows as PROG/JAIL status. */
  async rest(): Promise<string[]> {
    await this.applier.idle();
    assert.equal(this.enforcer.running, 0);
    return this.state.all().map((row) => `${row.prog}/${row.jail} ${row.status}${row.isOurs ? ' ours' : ''}`);
  }

  get position(): Position {
    return { epoch: 'e1', seq: this.#seq, tail: '0123456789abcdef' };
  }

  [Symbol.dispose](): void {
    // What it has begun would wait for its state without an end, and keep this process.
    void this.applier.stop();
    this.state.close();
    this.#scratch[Symbol.dispose]();
  }
}
