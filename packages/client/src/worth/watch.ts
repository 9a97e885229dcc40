import { setImmediate } from 'node:timers/promises';
import { MOST_DROPPED, type Dropped, type Target, type Uncounted } from '@banshare/protocol';
import type { DropRow } from '../bans/dropped.ts';
import type { State } from '../bans/state.ts';
import type { Enforcer } from '../enforcers/enforcer.ts';
import { MOST_IN_A_GO } from '../host/in-parts.ts';
import { restSeconds, sighted } from './count.ts';

/** What reading counters needs of the daemon. */
export type DropWatchParts = {
  enforcers: readonly Pick<Enforcer, 'kind' | 'counts'>[];
  state: Pick<State, 'dropped' | 'inTransaction'>;
  /** Epoch seconds by the server's clock; undefined before that was heard. */
  now: () => number | undefined;
  /** Seconds that never jump. */
  monotonic: () => number;
  ownName: () => string;
  /** Hears of each reading, and of one that could not be kept. */
  read: () => void;
  fault: (key: string, text: string) => void;
};

/** How soon is looked again whether the server was heard. */
const UNHEARD_SECONDS = 1;
/** A large number of packets that SQLite and JSON still have exactly. */
const MOST_PACKETS = 1_000_000_000_000;

/**
 * Reads what banshare's own sets have dropped, once a minute and more seldom where that would take more than a hundredth of a core,
 * and keeps it in the state.
 */
export class DropWatch {
  /** How often this process has read. */
  readings = 0;
  readonly #parts: DropWatchParts;
  /** How many seconds after the newest reading the next one begins; undefined before the first. */
  #every: number | undefined;
  /** Whether some enforcer counted nothing at the newest reading. */
  #isPartly = false;
  #whyNot: string;

  constructor(parts: DropWatchParts) {
    this.#parts = parts;
    const kinds = parts.enforcers.map(({ kind }) => kind).join(' and ');
    this.#whyNot =
      this.#counting().length === 0
        ? `its enforcer (${kinds}) counts nothing for each address`
        : 'not read yet';
  }

  /** Reads now, and after each rest until that says that the program ends. */
  async run(rest: (seconds: number) => Promise<boolean>): Promise<void> {
    if (this.#counting().length === 0) return;
    for (let goesOn = true; goesOn;) {
      // Figures of different times would tell nothing: they go by the server's clock.
      if (this.#parts.now() === undefined) {
        goesOn = await rest(UNHEARD_SECONDS);
        continue;
      }
      const began = this.#parts.monotonic();
      try {
        await this.read();
      } catch (error) {
        this.#parts.fault('dropped', `Cannot keep what was dropped: ${(error as Error).message}`);
      }
      goesOn = await rest(restSeconds(this.#parts.monotonic() - began));
    }
  }

  /** Reads once. @throws when that cannot be kept. */
  async read(): Promise<void> {
    const { monotonic, now, read } = this.#parts;
    const began = monotonic();
    const from = now();
    const packets = await this.#packets();
    const until = now();
    if (packets === undefined || from === undefined || until === undefined) return;
    await this.#take(packets, from, until);
    this.#every = restSeconds(monotonic() - began);
    this.readings += 1;
    read();
  }

  /** What was dropped here, as the server and a person are told. */
  dropped(): Dropped | Uncounted {
    const { state, now } = this.#parts;
    const sums = state.dropped.sums();
    if (sums === undefined || this.#every === undefined) return { unknown: this.#whyNot };
    const { readAt, ...rest } = sums;
    return {
      ...rest,
      ago: Math.max(0, Math.round((now() ?? readAt) - readAt)),
      every: Math.round(this.#every),
      partly: this.#isPartly,
      top: state.dropped.top(MOST_DROPPED).map(({ ip, packets, isFound, least, most }) => ({
        ip,
        packets,
        isFound,
        ...(least === null || most === null ? {} : { least, most }),
      })),
    };
  }

  /** Those that count: of two of one kind, whose sets are the same, one. */
  #counting(): readonly Pick<Enforcer, 'kind' | 'counts'>[] {
    const counting = this.#parts.enforcers.filter(({ counts }) => counts !== undefined);
    return [...new Map(counting.map((enforcer) => [enforcer.kind, enforcer])).values()];
  }

  /** How many kinds of enforcers this host has. */
  get #kinds(): number {
    return new Set(this.#parts.enforcers.map(({ kind }) => kind)).size;
  }

  /** What all enforcers have dropped together; undefined where none can say. */
  async #packets(): Promise<Map<Target, number> | undefined> {
    const all = new Map<Target, number>();
    const counting = this.#counting();
    let told = 0;
    for (const { counts } of await Promise.all(
      counting.map(async (each) => ({ counts: await each.counts?.() })),
    )) {
      if (counts === undefined) continue;
      if (!counts.ok) {
        this.#whyNot = counts.reason;
        continue;
      }
      told += 1;
      for (const [ip, packets] of counts.packets)
        all.set(ip as Target, Math.min(MOST_PACKETS, (all.get(ip as Target) ?? 0) + packets));
    }
    this.#isPartly = told < this.#kinds;
    return told === 0 ? undefined : all;
  }

  /**
   * What was read between two moments. A part at a time, each with the sums in one transaction: killed anywhere, nothing is counted
   * twice.
   */
  async #take(packets: ReadonlyMap<Target, number>, from: number, now: number): Promise<void> {
    const { state, ownName } = this.#parts;
    const before = state.dropped.sums();
    let sums = before ?? { since: from, readAt: from, v4: 0, v6: 0, found: 0, addresses: 0, before: 0 };
    const lastReading = before?.readAt;
    await this.#restartGone(packets);
    const entries = [...packets];
    for (let part = 0; part < entries.length; part += MOST_IN_A_GO) {
      if (part > 0) await setImmediate();
      state.inTransaction(() => {
        for (const [ip, shows] of entries.slice(part, part + MOST_IN_A_GO)) {
          const row = state.dropped.get(ip);
          if (row?.shown === shows) continue;
          const standing = needsBans(row) ? state.dropped.standing(ip) : [];
          const seen = { ip, shows, row, standing, now, lastReading, ownName: ownName() };
          const next = sighted(sums, seen);
          ({ sums } = next);
          state.dropped.put(next.row);
        }
        state.dropped.keep(sums);
      });
    }
    state.inTransaction(() => {
      state.dropped.forget();
      state.dropped.keep({ ...sums, readAt: from });
    });
  }

  /** What counters show nothing any more, and whose bans are over; a part at a time too. */
  async #restartGone(packets: ReadonlyMap<Target, number>): Promise<void> {
    const { state } = this.#parts;
    for (let behind = '', goesOn = true; goesOn;) {
      const rows = state.dropped.page(behind, MOST_IN_A_GO);
      const last = rows.at(-1)?.ip;
      if (last === undefined) return;
      const gone = rows.filter(({ ip, shown }) => shown > 0 && !packets.has(ip)).map(({ ip }) => ip);
      const from = behind;
      state.inTransaction(() => {
        state.dropped.restart(gone);
        state.dropped.noteOver(from, last);
      });
      behind = last;
      goesOn = rows.length === MOST_IN_A_GO;
      if (goesOn) await setImmediate();
    }
  }
}

/** Whether it counts which bans stand: that was looked up at the first packet of the ban. */
function needsBans(row: DropRow | undefined): boolean {
  return row === undefined || row.isOver;
}
