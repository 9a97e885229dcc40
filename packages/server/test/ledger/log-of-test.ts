import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import {
  LogFault,
  type Appended,
  type Draft,
  type Entry,
  type Log,
  type LogPosition,
  type SnapshotHead,
} from '../../src/log/log.ts';

/** The log that several ledgers of a test share: the same compare and set, in memory. */
export class LogOfTest {
  readonly entries: Entry[] = [];
  readonly #listeners: (() => void)[] = [];
  /** The newest snapshot, as a file, and the first entry that is not pruned. */
  snapshot: { head: SnapshotHead; path: string } | undefined;
  prunedTo = 0;
  /** What the next append does instead, once. */
  next: 'away' | 'forked' | 'unknown and stored' | 'unknown and lost' | undefined;
  /** The answer to what is appended waits for this, as for a database that is far away. */
  answers: Promise<void> | undefined;

  /** The log as a server has it. */
  server(): Log {
    return {
      append: async (draft, after) => {
        const appended = this.#append(draft, after);
        await this.answers;
        return appended;
      },
      after: async ({ n }, limit) => {
        if (n < this.prunedTo) throw new LogFault('pruned', `The log begins with entry ${this.prunedTo}`);
        return this.entries.slice(n, n + limit);
      },
      onNews: (listen) => void this.#listeners.push(listen),
      onWanted: () => undefined,
      health: () => ({
        at: 'test',
        fault: undefined,
        since: undefined,
        durability: 'none',
        last: this.entries.length,
        snapshot: { n: 0, ageSeconds: 0 },
      }),
      tryWriting: async () => undefined,
      time: () => undefined,
      putSnapshot: async () => false,
      getSnapshot: async (path) => {
        if (this.snapshot !== undefined) copyFileSync(this.snapshot.path, path);
        return this.snapshot?.head;
      },
      close: async () => undefined,
    };
  }

  #append(draft: Draft, after: LogPosition): Appended {
    const { next } = this;
    this.next = undefined;
    if (next === 'forked') return { outcome: 'forked', aheadBy: 1 };
    if (next === 'away' || next === 'unknown and lost')
      throw new LogFault(next === 'away' ? 'away' : 'unknown', 'the database is away');
    const last = this.entries.at(-1) ?? { n: 0, token: '' };
    if (last.n > after.n) return { outcome: 'taken' };
    if (last.n < after.n || last.token !== after.token) return { outcome: 'forked', aheadBy: 1 };
    const token = createHash('sha256').update(last.token).update(draft.data).digest('hex');
    const entry = { ...draft, data: Buffer.from(draft.data), n: after.n + 1, token, at: 0 };
    this.entries.push(entry);
    queueMicrotask(() => this.#listeners.forEach((listen) => listen()));
    if (next === 'unknown and stored') throw new LogFault('unknown', 'the database is away');
    return { outcome: 'ours', position: { n: entry.n, token } };
  }
}
