import { forPeople } from '@banshare/runtime';
import { tell } from '../say.ts';
import type { Outcome, Task } from './install-host.ts';

/** Says how far the deploy is: finished hosts as lines, and on a terminal what is under way in one line below them. */
export class Progress {
  readonly #all: number;
  readonly #isTerminal: boolean;
  readonly #underWay = new Map<string, string>();
  #finished = 0;
  #failed = 0;

  constructor(all: number) {
    this.#all = all;
    this.#isTerminal = process.stdout.isTTY;
  }

  step(task: Task, words: string): void {
    this.#underWay.set(titleOf(task), words);
    this.#draw();
  }

  finish(outcome: Outcome): void {
    this.#underWay.delete(titleOf(outcome));
    this.#finished++;
    const isFailure = outcome.how === 'failed' || outcome.how === 'unreachable';
    if (isFailure) this.#failed++;
    this.say(`${this.#finished}/${this.#all} ${titleOf(outcome)}: ${WORDS[outcome.how]} (${outcome.words})`);
  }

  /** A line that stays. */
  say(line: string): void {
    this.#clear();
    tell(line);
    this.#draw();
  }

  /** Leaves nothing below the lines that stay. */
  end(): void {
    this.#underWay.clear();
    this.#clear();
  }

  #clear(): void {
    if (this.#isTerminal) process.stdout.write('\r\u001b[K');
  }

  #draw(): void {
    if (!this.#isTerminal || this.#underWay.size === 0) return;
    const under = [...this.#underWay].map(([title, words]) => `${title} ${words}`).join(', ');
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    const line = `[${this.#finished}/${this.#all}${failed}] ${under}`;
    process.stdout.write(`\r\u001b[K${forPeople(line).slice(0, (process.stdout.columns || 80) - 1)}`);
  }
}

const WORDS: Readonly<Record<Outcome['how'], string>> = {
  installed: 'installed',
  already: 'done by an earlier run',
  would: 'would get',
  waiting: 'not begun',
  unreachable: 'UNREACHABLE',
  failed: 'FAILED',
};

/** How people know a task. */
export function titleOf({ destination, role }: Task): string {
  return role === 'server' ? `${destination} (server)` : destination;
}
