import { LogFault } from '../log/log.ts';

/** A file that failed is opened and proven again, which takes a while. */
const AGAIN_MS = 2000;

/** Word that other servers have appended something to the log, and who waits until it is applied here. */
export class News {
  readonly #wake: () => void;
  readonly #waiting: { resolve: () => void; reject: (error: Error) => void }[] = [];
  #isThere = false;
  #later: NodeJS.Timeout | undefined;
  #awaiting: (() => void) | undefined;

  /** `wake` is called whenever there is some. */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  came(): void {
    this.#isThere = true;
    this.#awaiting?.();
    this.#wake();
  }

  /** Resolves once there is some, or after so many milliseconds. */
  async awaited(ms: number): Promise<void> {
    if (this.#isThere || ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#awaiting = resolve;
    await promise;
    clearTimeout(timer);
    this.#awaiting = undefined;
  }

  /** Resolves once all is applied that there is by now. @throws LogFault, or what the file failed with. */
  async applied(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ resolve, reject });
    this.came();
    await promise;
  }

  /** Follows it. What the log does not give now is read at the next news. @throws what the file fails with. */
  async hear(follow: () => Promise<void>): Promise<void> {
    this.#isThere = false;
    const waiting = this.#waiting.splice(0);
    try {
      await follow();
      for (const { resolve } of waiting) resolve();
    } catch (error) {
      for (const { reject } of waiting) reject(error as Error);
      if (!(error instanceof LogFault)) throw error;
    }
  }

  /** The file takes nothing now, and no news may come for long: it is tried again after a pause. */
  later(error: Error): void {
    this.#isThere = false;
    this.#refuse(error);
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.came(), AGAIN_MS);
  }

  close(error: Error): void {
    this.#awaiting?.();
    clearTimeout(this.#later);
    this.#refuse(error);
  }

  #refuse(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
