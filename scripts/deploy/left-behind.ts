import { removeScript } from './remote-scripts.ts';
import type { Remote } from './remote.ts';

/** Nobody waits longer for hosts that do not answer, after Ctrl-C. */
const PATIENCE_MS = 10_000;

/** The folders on hosts that hold an installer which does not run yet: whoever stops now has to remove them. */
export class LeftBehind {
  readonly #remote: Pick<Remote, 'run'>;
  readonly #folders = new Map<string, Set<string>>();

  constructor(remote: Pick<Remote, 'run'>) {
    this.#remote = remote;
  }

  note(destination: string, folder: string): void {
    this.#folders.set(destination, (this.#folders.get(destination) ?? new Set()).add(folder));
  }

  /** It is gone, or its own script removes it. */
  forget(destination: string, folder: string): void {
    this.#folders.get(destination)?.delete(folder);
  }

  /** Removes what is there; returns the destinations where that did not work in time. */
  async removeAll(): Promise<string[]> {
    const left = [...this.#folders].flatMap(([destination, folders]) =>
      [...folders].map((folder) => ({ destination, folder })),
    );
    const undone = new Set(left.map(({ destination }) => destination));
    const removals = left.map(async ({ destination, folder }) => {
      const { code } = await this.#remote.run(destination, removeScript(folder));
      if (code === 0) undone.delete(destination);
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    await Promise.race([Promise.allSettled(removals), late]);
    clearTimeout(timer);
    return [...undone];
  }
}
