import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { runProgram, type Ran } from './program.ts';

const MAIN = join(import.meta.dirname, 'warm-commands-main.ts');

/** What only asks the daemon and prints its answer. */
const ASKING: ReadonlySet<string> = new Set(
  'audit ban bans drill enrolment events explain freeze held history hosts import never-ban reload retire status thaw token top unban undo'.split(
    ' ',
  ),
);

/** Of what is asked at once so much is asked by processes that stay: two servers are often asked, and more than these hardly ever. */
const MOST_AT_ONCE = 3;

/**
 * Runs commands of banshare-server in a process that has loaded them already: most of what one costs is its start, and tests run
 * a thousand. They are the program's own commands, by their own words, with the output that they print and their exit code. What
 * a test shows of the program itself (signals, pipes, what is loaded) it shows with a process of its own.
 */
class WarmCommands {
  readonly #child: ChildProcess;
  #answered: ((ran: Omit<Ran, 'ms'>) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(folder: string) {
    const child = fork(MAIN, [join(folder, 'commands.mjs')], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'ipc'],
      execArgv: ['--no-warnings'],
    });
    this.#child = child;
    createInterface(child.stdio[3] as Readable).on('line', (line) => {
      const { isLast, ...ran } = JSON.parse(line) as Omit<Ran, 'ms'> & { isLast: boolean };
      if (isLast) this.#leave();
      this.#answered?.(ran);
      this.#answered = undefined;
    });
    child.on('close', () => {
      this.#leave();
      this.#failed?.(new Error('the process that runs commands ended'));
    });
    this.#rest();
  }

  get isFree(): boolean {
    return this.#answered === undefined;
  }

  async run(words: readonly string[]): Promise<Ran> {
    const began = performance.now();
    for (const handle of this.#handles()) handle?.ref?.();
    const ran = await new Promise<Omit<Ran, 'ms'>>((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#child.send([...words]);
    });
    this.#failed = undefined;
    this.#rest();
    return { ...ran, ms: performance.now() - began };
  }

  /** It runs nothing more: a command that went on as another user ends the process, and so does one that fails as nobody expected. */
  #leave(): void {
    warm.delete(this);
  }

  /** Nothing waits for it while it runs nothing: a test file ends, and it with it. */
  #rest(): void {
    for (const handle of this.#handles()) handle?.unref?.();
  }

  #handles(): { ref?: () => void; unref?: () => void }[] {
    const pipe = this.#child.stdio[3] as { ref?: () => void; unref?: () => void };
    return [this.#child, pipe, ...(this.#child.channel ? [this.#child.channel] : [])];
  }
}

const warm = new Set<WarmCommands>();

/** Runs a command that only asks the daemon; by a process of its own where the warm ones are busy, or the programs are the sources. */
export function runAsking(words: readonly string[]): Promise<Ran> {
  const folder = process.env['BANSHARE_TEST_PROGRAMS'];
  const isWarm = folder !== undefined && ASKING.has(words[0] ?? '') && !words.includes('--follow');
  if (!isWarm) return runProgram('server', words);
  const free = [...warm].find(({ isFree }) => isFree);
  if (free !== undefined) return free.run(words);
  if (warm.size >= MOST_AT_ONCE) return runProgram('server', words);
  const next = new WarmCommands(folder);
  warm.add(next);
  return next.run(words);
}
