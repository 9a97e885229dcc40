import { closeSync, openSync, readdirSync, statSync, unlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { encodeJson, type Report, type ReportedBan } from '@banshare/protocol';
import { isSpoolFile, makePrivateDirectory, spoolFile, wallSeconds, writePrivate } from '@banshare/runtime';

/**
 * What waits for the server: unsigned, since it is signed for the time and the server it is sent to. `at` is when it was
 * reported, in epoch seconds; the id is its own for life, so that sending it again never makes a second event.
 */
export type Waiting = { id: string; at: number } & Content;

export type Content = { kind: 'report'; report: Report } | { kind: 'unban'; ban: ReportedBan };

/** While this file is younger than 30 s, no server is looked for: a dead one must not delay fail2ban's own bans. */
const NO_SERVER = '.no-server';
export const NO_SERVER_SECONDS = 30;
/** Counting ten thousand files takes milliseconds: a run that keeps many does not do it for each. */
const COUNTED_EACH = 100;

/** Reports that could not be delivered, one file each, named by time and id so that the oldest comes first. */
export class Spool {
  readonly #directory: string;
  readonly #most: number;
  /** For how many more there was room when it was counted, less those that were kept since. */
  #room = 0;
  #uncounted = 0;

  constructor(directory: string, most: number) {
    this.#directory = directory;
    this.#most = most;
  }

  /**
   * Keeps a report on disk; when this returns it survives a power cut.
   * @throws the system's error, or one that says that the spool is full.
   */
  keep(waiting: Waiting): void {
    if (!this.hasRoom)
      throw new Error(
        `${this.#most - this.#room} reports wait there already, and spool-max is ${this.#most}`,
      );
    this.#room -= 1;
    this.#uncounted += 1;
    writePrivate(join(this.#directory, spoolFile(waiting)), `${encodeJson(waiting)}\n`);
  }

  /** Whether one more report may wait there: counted anew now and then, since others fill and empty it too. */
  get hasRoom(): boolean {
    if (this.#room > 0 && this.#uncounted < COUNTED_EACH) return true;
    makePrivateDirectory(this.#directory);
    const count = readdirSync(this.#directory).filter(isSpoolFile).length;
    this.#room = this.#most - count;
    this.#uncounted = 0;
    return this.#room > 0;
  }

  /** Whether a report found no server a moment ago. */
  get isServerMissing(): boolean {
    const age = this.#markAge();
    // A mark from the future was made before the clock was set back.
    return age !== undefined && age >= 0 && age < NO_SERVER_SECONDS;
  }

  /** Seconds since a report found no server; undefined without a mark. */
  #markAge(): number | undefined {
    try {
      return wallSeconds() - statSync(join(this.#directory, NO_SERVER)).mtimeMs / 1000;
    } catch {
      return undefined;
    }
  }

  markServerMissing(): void {
    const path = join(this.#directory, NO_SERVER);
    try {
      makePrivateDirectory(this.#directory);
      closeSync(openSync(path, 'a', 0o600));
      utimesSync(path, wallSeconds(), wallSeconds());
    } catch {
      // Without the mark the next report only waits as long as this one did.
    }
  }

  /** Takes the mark away, however old it is. */
  markServerFound(): void {
    try {
      unlinkSync(join(this.#directory, NO_SERVER));
    } catch {
      // It is not there, as wanted; or it cannot be removed, and then it ages.
    }
  }
}
