import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  formatSharedBan,
  makePrivateDirectory,
  oldestSharedBansFile,
  sharedBansFile,
} from '@banshare/runtime';

/** Writes down what the client puts in place on this host and when, and forgets what nobody looks back to any more. */
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
      if (this.#file !== undefined) writeSync(this.#file, formatSharedBan({ at: now, jail, ip }));
    } catch {
      // A full disk must not keep bans out; recidive may then count this one as the host's own.
    }
  }

  /** Removes the days that nobody looks back to any more. */
  sweep(now: number): void {
    const oldest = oldestSharedBansFile(now);
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
    makePrivateDirectory(this.#directory);
    this.#file = openSync(path, 'a', 0o600);
    this.#path = path;
  }
}
