import { closeSync, openSync, readSync, watch, renameSync, writeFileSync, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { within } from './within.ts';

/**
 * The command that a host's client runs: a script that appends its words to a file, in one write so that commands that run at
 * once do not mix. Format: the number of words, then the words, each ended by NUL.
 */
export class BanCommands {
  readonly #directory: string;
  readonly #watcher: FSWatcher;
  readonly #runs: string[][] = [];
  readonly #waiting = new Set<() => void>();
  #offset = 0;
  #rest = '';
  #handedOut = 0;

  constructor(directory: string) {
    this.#directory = directory;
    writeFileSync(join(directory, 'runs'), '');
    this.behave('');
    writeFileSync(
      this.script,
      // It reads how to behave before it is seen, so that a test that has seen it may change that for those that follow.
      `#!/bin/sh\n. '${directory}/behaviour'\nprintf '%s\\0' $# "$@" >> '${directory}/runs'\nbehaviour "$@"\n`,
      { mode: 0o755 },
    );
    this.#watcher = watch(directory, () => {
      this.#read();
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    });
  }

  /** The path to put into a ban command. */
  get script(): string {
    return join(this.#directory, 'ban-command');
  }

  /** Shell text that every following command runs after it has noted its words, such as `echo no >&2; exit 1`. */
  behave(shell: string): void {
    // A command that still runs reads its own file to the end, and never a part of the next one.
    const next = join(this.#directory, 'behaviour.next');
    writeFileSync(next, `behaviour() {\n:\n${shell}\n}\n`);
    renameSync(next, join(this.#directory, 'behaviour'));
  }

  /** The words of the next command, each handed out once. */
  async next(withinMs = 20_000): Promise<string[]> {
    const next = (async (): Promise<string[]> => {
      for (;;) {
        this.#read();
        const run = this.#runs[this.#handedOut];
        if (run !== undefined) {
          this.#handedOut += 1;
          return run;
        }
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    })();
    return within(next, withinMs, () => `a command of ${this.#directory}`);
  }

  /** The words of every command so far, handed out or not. */
  get all(): readonly (readonly string[])[] {
    this.#read();
    return this.#runs;
  }

  close(): void {
    this.#watcher.close();
  }

  #read(): void {
    const file = openSync(join(this.#directory, 'runs'), 'r');
    const buffer = Buffer.alloc(65_536);
    for (let count; (count = readSync(file, buffer, 0, buffer.length, this.#offset)) > 0;) {
      this.#offset += count;
      this.#rest += buffer.toString('utf8', 0, count);
    }
    closeSync(file);
    const words = this.#rest.split('\0');
    this.#rest = words.pop() ?? '';
    while (words.length > 0) {
      const count = Number(words[0]);
      if (words.length <= count) break;
      this.#runs.push(words.splice(0, count + 1).slice(1));
    }
    if (words.length > 0) this.#rest = `${words.join('\0')}\0${this.#rest}`;
  }
}
