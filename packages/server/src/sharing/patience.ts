import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicSeconds, StartFault, type Log as Lines, type Resources } from '@banshare/runtime';
import { stateOf } from '../ledger/books/backup-file.ts';
import { SCHEMA } from '../ledger/schema.ts';
import { LogFault } from '../log/log.ts';
import { wayOn } from '../log/way-on.ts';

/** Who is told what a start does, and how long it may take. */
export type Told = Pick<Resources, 'starting'>;
/** Does something with the log, again and again until it succeeds. @throws LogFault where that would help nothing, StartFault where it is told to stop. */
export type Patiently = <T>(work: () => Promise<T>) => Promise<T>;

/** What SQLite does at once holds the loop, which can say nothing meanwhile: 20 s per million reports are many minutes of an old disk. */
export const LONG_SECONDS = 3600;
/** A ledger of so many bytes is read for a check longer than a start may take otherwise, where the disk is slow. */
const LARGE_BYTES = 1024 ** 3;

const AGAIN_MS = 500;
/** Every start waits for its database for a moment: nobody has to know. */
const SAID_SECONDS = 2;
/** Each minute it says that it may take three more: that may fail twice in a row. */
const SAY_AGAIN_MS = 60_000;
const MORE_SECONDS = 180;
const FOLLOWS = 'Applies what the other servers have committed, before any port is opened';

/** Says before a ledger is opened that this may take long, where it may. */
export async function sayLong(path: string, { starting }: Told): Promise<void> {
  const version = stateOf(path)?.version ?? SCHEMA;
  // An empty one has nothing that a step would have to go through.
  if (version > 0 && version < SCHEMA)
    await starting(
      `Takes the ledger from version ${version} of its tables to ${SCHEMA}: about half a minute for each million reports`,
      LONG_SECONDS,
    );
  else if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= LARGE_BYTES)
    await starting('Checks the ledger, which is large', LONG_SECONDS);
}

/** A start that waits for what several servers share, and says so for as long as that takes. */
export class Patience {
  readonly #lines: Lines;
  readonly #signal: AbortSignal;
  readonly #told: Told;
  readonly #began = monotonicSeconds();
  readonly #timer: NodeJS.Timeout;
  #said = '';

  constructor(lines: Lines, signal: AbortSignal, told: Told) {
    this.#lines = lines;
    this.#signal = signal;
    this.#told = told;
    this.#timer = setInterval(() => this.#tell(), SAY_AGAIN_MS);
  }

  /** Nothing is waited for any more. */
  end(): void {
    clearInterval(this.#timer);
  }

  readonly patiently: Patiently = async (work) => {
    for (;;) {
      try {
        const done = await work();
        this.#waitsFor('');
        return done;
      } catch (cause) {
        if (cause instanceof LogFault && wayOn(cause) !== 'wait') throw cause;
        if (this.#signal.aborted)
          throw new StartFault('Stopped while it waited for the shared log', { cause });
        if (monotonicSeconds() - this.#began >= SAID_SECONDS) this.#waitsFor((cause as Error).message);
        await pause(AGAIN_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  };

  #waitsFor(error: string): void {
    if (error === this.#said) return;
    this.#said = error;
    if (error !== '') this.#lines.error('Waiting for the shared log before any port is opened', { error });
    this.#tell();
  }

  /** The installers know a server that waits by its first words: see service.sh there. */
  #tell(): void {
    const what = this.#said === '' ? FOLLOWS : `Waiting for its database: ${this.#said}`;
    void this.#told.starting(what, MORE_SECONDS);
  }
}
