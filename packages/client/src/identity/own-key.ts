import type { HostName } from '@banshare/protocol';
import type { EnrolledKey } from './key-files.ts';

/**
 * The key with which the daemon speaks. While the daemon runs nobody else writes the key's file: a command that would change
 * it asks the daemon, or holds the daemon's socket.
 */
export class OwnKey {
  #key: EnrolledKey | undefined;
  readonly #listeners = new Set<() => void>();

  /** @throws before this host is enrolled. */
  get key(): EnrolledKey {
    if (this.#key === undefined) throw new Error('This host is not enrolled yet');
    return this.#key;
  }

  /** Goes over to a key; what is connected with another one ends. */
  set key(key: EnrolledKey) {
    const isAnother = this.#key?.publicHex !== key.publicHex;
    this.#key = key;
    if (isAnother) for (const listen of this.#listeners) listen();
  }

  rename(name: HostName): void {
    this.key = { ...this.key, name };
  }

  /** Calls a listener after a change to another key, until the returned function is called. */
  onChange(listen: () => void): () => void {
    this.#listeners.add(listen);
    return () => this.#listeners.delete(listen);
  }
}
