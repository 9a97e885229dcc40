import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { PATIENCE_MS, within } from './deadline.ts';

/** How a process ended, and all that it said. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

/** The environment of everything that runs in a lab: nothing of the test runner's own reaches it. */
export const cleanEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  HOME: '/root',
};

/** A started process whose lines of output are events that can be awaited. */
export class Running implements AsyncDisposable {
  readonly lines: string[] = [];
  /** Resolves when the process and everything that shares its output has ended. */
  readonly ended: Promise<Exit>;
  readonly child: ChildProcess;
  readonly #title: string;
  readonly #news = new EventEmitter().setMaxListeners(0);

  constructor(title: string, argv: readonly string[], environment: Record<string, string> = {}) {
    this.#title = title;
    const [program, ...words] = argv;
    if (program === undefined) throw new Error(`${title}: there is no program to start`);
    this.child = spawn(program, words, { env: { ...cleanEnvironment, ...environment }, cwd: '/' });
    // A process that ended before it read its input is told by its exit, not by EPIPE.
    this.child.stdin?.on('error', () => {});
    const stdout = this.#collect(this.child.stdout);
    const stderr = this.#collect(this.child.stderr);
    this.ended = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        resolve({ code, signal, stdout: stdout.join('\n'), stderr: stderr.join('\n') });
        this.#news.emit('ended');
      };
      this.child.once('close', finish);
      this.child.once('error', (error) => {
        stderr.push(String(error));
        finish(null, null);
      });
    });
  }

  /** Waits for a line of output (also one that has already come) and returns it. */
  async line(pattern: RegExp, milliseconds = PATIENCE_MS): Promise<string> {
    return this.lineAfter(0, pattern, milliseconds);
  }

  /** Like line(), but looks only at the lines from the given position on. */
  async lineAfter(position: number, pattern: RegExp, milliseconds = PATIENCE_MS): Promise<string> {
    const stop = new AbortController();
    const awaited = new Promise<string>((resolve, reject) => {
      const look = (): void => {
        const found = this.lines.slice(position).find((line) => pattern.test(line));
        if (found !== undefined) resolve(found);
        else if (this.child.exitCode !== null) {
          reject(new Error(`${this.#title} ended without a line ${pattern}:\n${this.tail()}`));
        }
      };
      this.#news.on('line', look);
      this.#news.on('ended', look);
      stop.signal.addEventListener('abort', () => {
        this.#news.off('line', look);
        this.#news.off('ended', look);
      });
      look();
    });
    try {
      return await within(milliseconds, `a line ${pattern} of ${this.#title}`, awaited, () => this.tail());
    } finally {
      stop.abort();
    }
  }

  /** Calls back for each further line of output, until the process ends. */
  onLine(callback: (line: string) => void): void {
    this.#news.on('line', callback);
  }

  /** Writes to the process's input. */
  say(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Closes the process's input. */
  hangUp(): void {
    this.child.stdin?.end();
  }

  /** The process that does the work, seen from outside: nsenter and unshare only stand in front of it. */
  async innerPid(): Promise<number> {
    const outer = this.child.pid;
    if (outer === undefined) throw new Error(`${this.#title} did not start:\n${this.tail()}`);
    const children = await readFile(`/proc/${outer}/task/${outer}/children`, 'utf8').catch(() => '');
    return Number.parseInt(children, 10) || outer;
  }

  /** Stops the process where it is, as if it hung. */
  async freeze(): Promise<void> {
    process.kill(await this.innerPid(), 'SIGSTOP');
  }

  /** Lets a frozen process go on. nsenter stops itself with its child, and wakes it again. */
  async thaw(): Promise<void> {
    this.child.kill('SIGCONT');
    process.kill(await this.innerPid(), 'SIGCONT');
  }

  /** Asks the process to end and waits until it has. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', milliseconds = PATIENCE_MS): Promise<Exit> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const inner = await this.innerPid();
      try {
        process.kill(inner, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    return within(milliseconds, `${this.#title} to end after ${signal}`, this.ended, () => this.tail());
  }

  /** The last lines of output, for error messages. */
  tail(): string {
    return this.lines.slice(-15).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    await this.stop('SIGKILL');
  }

  #collect(stream: NodeJS.ReadableStream | null): string[] {
    const kept: string[] = [];
    if (stream === null) return kept;
    createInterface({ input: stream }).on('line', (line) => {
      kept.push(line);
      this.lines.push(line);
      this.#news.emit('line', line);
    });
    return kept;
  }
}
