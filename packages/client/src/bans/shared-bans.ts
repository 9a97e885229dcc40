import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sharedBansFile } from '@banshare/runtime';

/** recidive looks back a day by itself, and a week where an administrator asks for it. */
const KEPT_DAYS = 8;
const DAY_SECONDS = 86_400;

/**
 * What banshare put in place on this host and when, a line "TIME JAIL IP" each in a file for each day: so what reads
 * fail2ban's log long after, as recidive and the follower do, can tell a ban of the fleet from one of this host's own, also when
 * the ban and its note are gone.
 */
export class SharedBans {
  readonly #directory: string;
  readonly #now: () => number;
  #path = '';
  #file: number | undefined;

  /** now is epoch seconds by this host's clock, which fail2ban's log goes by. */
  constructor(directory: string, now: () => number) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Adds a ban that is about to be put in place. One that cannot be written is put in place all the same. */
  add(jail: string, ip: string): void {
    const now = this.#now();
    try {
      this.#open(sharedBansFile(this.#directory, now));
      if (this.#file !== undefined) writeSync(this.#file, `${Math.floor(now)} ${jail} ${ip}\n`);
    } catch {
      // A full disk must not keep bans out; recidive may then count this one as the host's own.
    }
  }

  /** Removes the days that nobody looks back to any more. */
  sweep(now: number): void {
    const oldest = sharedBansFile('', now - KEPT_DAYS * DAY_SECONDS);
    let names: string[];
    try {
      names = readdirSync(this.#directory);
    } catch {
      return;
    }
    for (const name of names) if (name < oldest) rmSync(join(this.#directory, name), { force: true });
  }

  #open(path: string): void {
    if (this.#file !== undefined && path === this.#path) return;
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#file = openSync(path, 'a', 0o600);
    this.#path = path;
  }
}
