import type { State } from './state.ts';

/** More than anybody restores backups. */
const MOST = 16;

/**
 * The epochs that this host has followed and left for another. Of several servers one that still is of such an epoch is an older copy:
 * it has not heard yet of the backup that was restored, and may not take away what it does not know.
 */
export class LeftEpochs {
  readonly #memory: ReturnType<State['memory']>;

  constructor(state: Pick<State, 'memory'>) {
    this.#memory = state.memory('left-epochs');
  }

  all(): string[] {
    return (this.#memory.recall() ?? '').split(' ').filter((epoch) => epoch !== '');
  }

  /** Notes that this host goes from one epoch to the next; one that it comes back to is left no more. */
  leave(epoch: string, next: string): void {
    const left = [...this.all().filter((each) => each !== epoch), epoch].filter((each) => each !== next);
    this.#memory.remember(left.slice(-MOST).join(' '));
  }
}
