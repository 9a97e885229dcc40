import type { Event, VerdictWord } from '@banshare/protocol';
import { Histogram, type Distribution } from '@banshare/runtime';

/** Progs are called what hosts like: of more than so many the rest are counted together. */
const MOST_PROGS = 20;
/** What became of the latest so many events on each host is timed. */
const MOST_TIMED = 10_000;

/** Every verdict stands there from the start: a rate cannot see a series that begins with its first count. */
const VERDICTS = [
  'accepted',
  'duplicate',
  'counted',
  'held',
  'refused',
  'retry',
] as const satisfies VerdictWord[];
const USUAL_PROGS = ['fail2ban', 'psad'];

/** Reports of one prog that got one verdict. */
export type ReportCount = { prog: string; verdict: string; count: number };

/** A host as the tally looks at it. */
type AckedHost = {
  id: number;
  position: { epoch: string; applied: number } | null;
  lastSeen: number | null;
  heardAt: number | null;
};

/**
 * What is counted while the server runs; all of it begins at 0 with the process, as whoever reads counters expects. Nothing here
 * grows with what hosts say.
 */
export class Tally {
  readonly #reports = new Map<string, Map<string, number>>();
  readonly #reportSeconds = new Histogram();
  readonly #appliedSeconds = new Histogram();
  readonly #events = { ban: 0, unban: 0 };
  /** When the latest events were, by seq: epoch seconds. */
  readonly #committedAt = new Map<number, number>();
  #newest = 0;
  /** How far each host was at its word before. */
  readonly #reached = new Map<number, { epoch: string; applied: number }>();
  readonly #progsLeftOut = new Set<string>();

  constructor() {
    for (const prog of USUAL_PROGS) for (const verdict of VERDICTS) this.#count(prog, verdict, 0);
  }

  /** A report was answered; where it was judged, so many seconds after it had come. */
  answered(prog: string, verdict: VerdictWord, seconds?: number): void {
    this.#count(this.#known(prog), verdict, 1);
    if (seconds !== undefined) this.#reportSeconds.observe(seconds);
  }

  /** Events were committed, here or by another server. */
  committed(events: readonly Event[]): void {
    for (const { kind, seq, at } of events) {
      this.#events[kind] += 1;
      this.#committedAt.set(seq, at);
      this.#newest = seq;
    }
    for (const seq of this.#committedAt.keys()) {
      if (this.#committedAt.size <= MOST_TIMED) break;
      this.#committedAt.delete(seq);
    }
  }

  /**
   * A host said how far it is in this ledger's own history; now is epoch seconds. One that is at another server says it there, and one that
   * times its bans itself knows better.
   */
  acknowledged({ id, position, lastSeen, heardAt }: AckedHost, now: number, timesItself = false): void {
    if (position === null || (heardAt ?? 0) < (lastSeen ?? 0)) return;
    const before = this.#reached.get(id);
    if (before?.epoch !== position.epoch) {
      this.#reached.set(id, position);
      return;
    }
    // Whoever goes back and comes again is not timed again.
    if (position.applied > before.applied) this.#reached.set(id, position);
    if (timesItself) return;
    // What is not kept any more is older than all that is. A host may say any number: none beyond what there was is looked for.
    const [oldest = Infinity] = this.#committedAt.keys();
    const first = Math.max(before.applied + 1, oldest, this.#newest - MOST_TIMED + 1);
    const last = Math.min(position.applied, this.#newest);
    for (let seq = first; seq <= last; seq += 1) {
      const at = this.#committedAt.get(seq);
      if (at !== undefined) this.#appliedSeconds.observe(Math.max(0, now - at));
    }
  }

  /** Bans were in place on a host after so many milliseconds, as it has measured. */
  applied(took: readonly number[]): void {
    for (const ms of took) this.#appliedSeconds.observe(ms / 1000);
  }

  /** Forgets hosts that are no more; these are. */
  keepOnly(known: ReadonlySet<number>): void {
    for (const id of this.#reached.keys()) if (!known.has(id)) this.#reached.delete(id);
  }

  get reports(): ReportCount[] {
    return [...this.#reports].flatMap(([prog, verdicts]) =>
      [...verdicts].map(([verdict, count]) => ({ prog, verdict, count })),
    );
  }

  /** How many progs are counted as `other`, up to a limit. */
  get progsLeftOut(): number {
    return this.#progsLeftOut.size;
  }

  get reportSeconds(): Distribution {
    return this.#reportSeconds.distribution;
  }

  get appliedSeconds(): Distribution {
    return this.#appliedSeconds.distribution;
  }

  get events(): { ban: number; unban: number } {
    return { ...this.#events };
  }

  #known(prog: string): string {
    if (this.#reports.has(prog) || this.#reports.size < MOST_PROGS) return prog;
    if (this.#progsLeftOut.size < MOST_TIMED) this.#progsLeftOut.add(prog);
    return 'other';
  }

  #count(prog: string, verdict: string, count: number): void {
    const verdicts = this.#reports.get(prog) ?? new Map<string, number>();
    this.#reports.set(prog, verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + count));
  }
}
