import { closeSync, fstatSync, openSync, read, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';

const PART_BYTES = 1024 * 1024;

/**
 * The ledger's file, as copies are made of it. It is read by one descriptor, which stays open until the database is closed for good: a process
 * that closes any descriptor of a file ends all locks that it has on that, SQLite's too, and another server could then write the ledger.
 */
export class Original {
  readonly #path: string;
  #descriptor: number | undefined;
  #isRead = false;
  #isEnded = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Lays a copy at a path where nothing is yet, one at a time, and leaves off where it is told to. @throws the system's error. */
  async copyTo(path: string, goesOn: () => boolean): Promise<void> {
    const descriptor = this.#open();
    this.#isRead = true;
    try {
      await using to = await open(path, 'wx', 0o600);
      const part = Buffer.allocUnsafe(PART_BYTES);
      for (let position = 0; goesOn();) {
        const { bytesRead } = await readAt(descriptor, part, 0, PART_BYTES, position);
        if (bytesRead === 0) return;
        await to.writeFile(part.subarray(0, bytesRead));
        position += bytesRead;
      }
    } finally {
      this.#isRead = false;
      if (this.#isEnded) this.#close();
    }
  }

  /** The database is closed, and will not be opened again. */
  end(): void {
    this.#isEnded = true;
    if (!this.#isRead) this.#close();
  }

  #open(): number {
    const there = statSync(this.#path);
    if (this.#descriptor !== undefined) {
      const { dev, ino } = fstatSync(this.#descriptor);
      if (dev === there.dev && ino === there.ino) return this.#descriptor;
      // Of another file than the one that is locked.
      this.#close();
    }
    return (this.#descriptor = openSync(this.#path, 'r'));
  }

  #close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

const readAt = promisify(read);
