import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/** The kernel keeps 15 bytes of a program's name, and ends it with a line break. */
const LONGEST = 16;
/** So many files stay open at most: of further processes the name is read as of a new one. */
const MOST_KEPT = 512;

type Kept = { file: number; look: number };

/**
 * Tells which processes are of some programs, as it is whenever that is asked. The file with each process's name stays open, since
 * to read it again takes a third of the time; it is that process's for ever: once that has ended it cannot be read any more, also
 * where the id is used again.
 */
export class ProgramNames {
  readonly #proc: string;
  readonly #names: readonly Buffer[];
  readonly #kept = new Map<string, Kept>();
  readonly #bytes = Buffer.alloc(LONGEST);
  #look = 0;

  /** @param proc where /proc is mounted. @param names as the kernel has them: at most 15 bytes each. */
  constructor(proc: string, names: Iterable<string>) {
    this.#proc = proc;
    this.#names = [...names].map((name) => Buffer.from(`${name}\n`));
  }

  /** The ids of the processes that are of one of these programs at this moment. */
  now(): string[] {
    this.#look += 1;
    const found = readdirSync(this.#proc).filter((pid) => /^\d+$/.test(pid) && this.#isMeant(pid));
    for (const [pid, { file, look }] of this.#kept) if (look !== this.#look) this.#forget(pid, file);
    return found;
  }

  #isMeant(pid: string): boolean {
    const kept = this.#kept.get(pid);
    if (kept !== undefined) {
      kept.look = this.#look;
      try {
        return this.#hasName(kept.file);
      } catch {
        // Its process has ended, and this is another one.
        this.#forget(pid, kept.file);
      }
    }
    try {
      const file = openSync(`${this.#proc}/${pid}/comm`, 'r');
      if (this.#kept.size < MOST_KEPT) {
        this.#kept.set(pid, { file, look: this.#look });
        return this.#hasName(file);
      }
      try {
        return this.#hasName(file);
      } finally {
        closeSync(file);
      }
    } catch {
      // It has ended in this moment.
      return false;
    }
  }

  #hasName(file: number): boolean {
    const length = readSync(file, this.#bytes, 0, LONGEST, 0);
    return this.#names.some((name) => name.equals(this.#bytes.subarray(0, length)));
  }

  #forget(pid: string, file: number): void {
    this.#kept.delete(pid);
    closeSync(file);
  }
}
