/** Instances remembered for a host: more restarts in a row than this are no doubling. */
const MOST_REMEMBERED = 20;

/**
 * Notices when two processes live with one host key, as on a cloned machine. Each process has a random instance: a new one
 * after a restart is in order, but one that was replaced and speaks again means that both are alive.
 */
export class Instances {
  #current: string | undefined;
  readonly #replaced = new Set<string>();
  #doubledAt = -Infinity;

  /** Takes the instance of an acknowledgement; now is epoch seconds. */
  hear(instance: string, now: number): void {
    if (instance === this.#current) return;
    if (this.#replaced.has(instance)) this.#doubledAt = now;
    if (this.#current !== undefined) this.#replaced.add(this.#current);
    this.#replaced.delete(instance);
    this.#current = instance;
    const [oldest] = this.#replaced;
    if (oldest !== undefined && this.#replaced.size > MOST_REMEMBERED) this.#replaced.delete(oldest);
  }

  /** Whether two were alive within the last so many seconds. */
  areTwo(now: number, withinSeconds: number): boolean {
    return now - this.#doubledAt < withinSeconds;
  }
}
