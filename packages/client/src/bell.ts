/** Lets the part that carries out bans ask the connection to acknowledge now rather than with the next tick. */
export class Bell {
  #listener: (() => void) | undefined;

  /** Rings reach this listener until it is replaced. */
  listen(listener: () => void): void {
    this.#listener = listener;
  }

  ring(): void {
    this.#listener?.();
  }
}
