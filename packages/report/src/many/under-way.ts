/**
 * So many reports are under way over one connection at most, of the 64 that the protocol allows: more bring nothing, and a server
 * of version 0.1 drops answers where they are not taken fast enough.
 */
const MOST_UNDER_WAY = 32;

/**
 * Work that is under way, whose ends are taken in the order in which it was given, each as soon as it is there: up to so many at
 * once, and never two of one key, since what is said of one ban has its order.
 */
export class UnderWay<End> {
  readonly #take: (end: End) => void;
  readonly #queue: Promise<End>[] = [];
  readonly #ofKey = new Map<string, Promise<unknown>>();
  readonly #most: number;
  #taking: Promise<void> | undefined;
  #room = Promise.withResolvers<void>();

  constructor(take: (end: End) => void, most = MOST_UNDER_WAY) {
    this.#take = take;
    this.#most = most;
  }

  /** Begins work as soon as there is room, and resolves then. @throws what work or taking its end threw. */
  async add(key: string, begin: () => Promise<End> | End): Promise<void> {
    while (this.#queue.length >= this.#most) await Promise.race([this.#room.promise, this.#taking]);
    const before = this.#ofKey.get(key);
    const running = before === undefined ? Promise.resolve(begin()) : before.then(begin);
    this.#queue.push(running);
    this.#ofKey.set(key, running);
    const forget = (): void => {
      if (this.#ofKey.get(key) === running) this.#ofKey.delete(key);
    };
    running.then(forget, forget);
    this.#taking ??= this.#takeAll();
    // What went wrong is told to whoever waits for it next.
    this.#taking.catch(() => undefined);
  }

  /** Resolves when all ends are taken. @throws what work or taking its end threw. */
  async drain(): Promise<void> {
    await this.#taking;
  }

  async #takeAll(): Promise<void> {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      const end = await first;
      void this.#queue.shift();
      this.#take(end);
      this.#room.resolve();
      this.#room = Promise.withResolvers();
    }
    this.#taking = undefined;
  }
}
