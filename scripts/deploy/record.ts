import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { writeAtomic } from '@banshare/runtime';
import type { Role } from './hosts-file.ts';

/** What a host was given: the sha256 of its installer, and its name in the fleet. */
type Done = { readonly sha256: string; readonly name: string };

/** Which hosts an earlier run has done, so that the next one goes on where it stopped. On disk after each host. */
export class Record {
  readonly #path: string;
  readonly #done: Map<string, Done>;

  constructor(path: string) {
    this.#path = path;
    this.#done = new Map(Object.entries(read(path)));
  }

  /** The host's name in the fleet, when it has this installer already. */
  nameIfDone(destination: string, role: Role, sha256: string): string | undefined {
    const done = this.#done.get(`${role} ${destination}`);
    return done?.sha256 === sha256 ? done.name : undefined;
  }

  note(destination: string, role: Role, done: Done): void {
    this.#done.set(`${role} ${destination}`, done);
    this.#write();
  }

  /** The server knows better: the next run does this host again. */
  forget(destination: string, role: Role): void {
    if (this.#done.delete(`${role} ${destination}`)) this.#write();
  }

  #write(): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeAtomic(this.#path, `${JSON.stringify(Object.fromEntries(this.#done), null, 1)}\n`, 0o600);
  }
}

/** Without a record that can be read, every host is done again, which changes nothing where nothing is new. */
function read(path: string): { [key: string]: Done } {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { [key: string]: Done };
  } catch {
    return {};
  }
}
