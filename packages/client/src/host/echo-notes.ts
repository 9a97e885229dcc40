import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  ECHO_NOTE_SECONDS,
  echoNote,
  isEchoNoteYoung,
  makePrivateDirectory,
  wallSeconds,
} from '@banshare/runtime';
import { inParts } from './in-parts.ts';
import type { SharedBans } from './shared-bans.ts';

/**
 * The client's notes of what it is applying, made before the command runs, so that the report that the command causes is known as
 * our own echo.
 */
export class Notes {
  readonly #directory: string;
  readonly #shared: Pick<SharedBans, 'add' | 'sweep'> | undefined;

  /** @param shared keeps for longer what was put in place, and when. */
  constructor(directory: string, shared?: Pick<SharedBans, 'add' | 'sweep'>) {
    this.#directory = directory;
    this.#shared = shared;
    this.#make();
  }

  /**
   * Writes a note, or makes the one that is there as young as a new one, and returns whether it is new.
   * @throws when it cannot be written: then the ban must not be applied, it would be reported again.
   */
  write(jail: string, ip: string): boolean {
    const isNew = !this.has(jail, ip);
    try {
      writeFileSync(this.#path(jail, ip), '', { mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // Whoever clears /run beneath a running client must not keep every ban out until its restart.
      this.#make();
      writeFileSync(this.#path(jail, ip), '', { mode: 0o600 });
    }
    this.#shared?.add(jail, ip);
    return isNew;
  }

  /** Whether this ban was begun, by this process or one before it. */
  has(jail: string, ip: string): boolean {
    return existsSync(this.#path(jail, ip));
  }

  /**
   * The ban of a note has ended. What it caused may be reported a moment later still, so the note counts until it is so many
   * seconds old; without that, an unban soon after a ban has our own echo bring the ban back.
   */
  end(jail: string, ip: string, seconds: number): void {
    const path = this.#path(jail, ip);
    const note = statSync(path, { throwIfNoEntry: false });
    if (note === undefined) return;
    const age = wallSeconds() - note.mtimeMs / 1000;
    if (age < 0 || age >= seconds) return this.remove(jail, ip);
    const aged = note.mtimeMs / 1000 - (ECHO_NOTE_SECONDS - seconds);
    utimesSync(path, aged, aged);
  }

  /** Takes a note back: the command did nothing. */
  remove(jail: string, ip: string): void {
    rmSync(this.#path(jail, ip), { force: true });
  }

  /**
   * Removes what no longer counts; now is epoch seconds by this host's clock. After a burst that is a hundred thousand files: a part
   * at a time, and then there is a promise.
   */
  sweep(now: number): void | Promise<void> {
    this.#shared?.sweep(now);
    if (!existsSync(this.#directory)) this.#make();
    return inParts(readdirSync(this.#directory), (some) => {
      for (const name of some) this.#removeOld(name, now);
    });
  }

  #removeOld(name: string, now: number): void {
    const path = join(this.#directory, name);
    const note = statSync(path, { throwIfNoEntry: false });
    if (note !== undefined && !isEchoNoteYoung(now - note.mtimeMs / 1000)) rmSync(path, { force: true });
  }

  #make(): void {
    // The folder above it is where the server has its own, as another user.
    makePrivateDirectory(dirname(this.#directory));
    makePrivateDirectory(this.#directory);
  }

  #path(jail: string, ip: string): string {
    return echoNote(this.#directory, { jail, ip });
  }
}
