import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Fault, ROOT } from '../say.ts';

export type Line = { text: string; atMs: number };

type Waiter = { matches: (text: string) => boolean; resolve: (line: Line) => void };

const PATIENCE_MS = 20_000;

/** One of banshare's programs, running for the demo; what it prints can be waited for. */
export class Program {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #lines: Line[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #ended: Promise<number | null>;

  /** @param binary its name below dist/bin, or its whole path. */
  constructor(name: string, binary: string, args: readonly string[]) {
    this.#name = name;
    this.#process = spawn(resolve(ROOT, 'dist/bin', binary), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (text) => this.#hear(text));
    }
    this.#ended = new Promise((resolve) => this.#process.on('close', resolve));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The first line, past or to come, that matches; @throws where there is none in time. */
  async line(matches: (text: string) => boolean, patienceMs = PATIENCE_MS): Promise<Line> {
    const past = this.#lines.find(({ text }) => matches(text));
    if (past !== undefined) return past;
    let timer: NodeJS.Timeout | undefined;
    const { promise, resolve, reject } = Promise.withResolvers<Line>();
    const waiter = { matches, resolve };
    const fail = (how: string): void => reject(new Fault(`${this.#name} ${how}. It said:\n${this.#said()}`));
    this.#waiters.add(waiter);
    timer = setTimeout(() => fail(`did not do its part within ${patienceMs / 1000} s`), patienceMs);
    void this.#ended.then((code) => fail(`ended with ${code}`));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
  }

  /** Waits for it to end by itself; its exit code and what it said. */
  async end(): Promise<{ code: number | null; said: string }> {
    return { code: await this.#ended, said: this.#said() };
  }

  /** Ends it; SIGKILL is a power cut. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#process.kill(signal);
    await this.#ended;
  }

  #hear(text: string): void {
    const line = { text, atMs: performance.now() };
    this.#lines.push(line);
    for (const waiter of this.#waiters) if (waiter.matches(text)) waiter.resolve(line);
  }

  #said(): string {
    return this.#lines.map(({ text }) => `  ${text}`).join('\n');
  }
}
