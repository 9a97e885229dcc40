import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { within } from './within.ts';

const PACKAGES = join(import.meta.dirname, '../../packages');
const running = new Set<Program>();

// A test file that ends in the middle takes its programs along.
process.once('exit', () => {
  for (const program of running) program.kill('SIGKILL');
});
// So does one that is told to end, as by the runner at its time limit.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

/** A program is ready within so long; one that is started from its sources reads them first, on a machine that may be busy. */
const [READY_MS, FROM_SOURCES_MS] = [20_000, 60_000];

/** Milliseconds within which a program is ready that is started from this file, or from where mainOf() says. */
export function readyMs(main?: string): number {
  const isBundle = main === undefined && process.env['BANSHARE_TEST_PROGRAMS'] !== undefined;
  return isBundle ? READY_MS : FROM_SOURCES_MS;
}

/** What a program is started with and in. */
export type Surroundings = {
  env?: NodeJS.ProcessEnv;
  through?: readonly string[];
  /** The file that starts it, of another version than what is tested. */
  main?: string;
};

/** A daemon of ours that runs as a process of its own; its lines on stdout and stderr are events to wait for. */
export class Program {
  readonly #name: string;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  /** How many lines each pattern has been through. */
  readonly #seen = new Map<string, number>();
  /** Fulfilled with exit code or signal. */
  readonly ended: Promise<number | string>;

  /** @param through a command that ends in running the words after it in the same process, such as `unshare --mount`. */
  constructor(
    name: 'server' | 'client' | 'report',
    words: readonly string[],
    { env, through = [], main = mainOf(name) }: Surroundings = {},
  ) {
    this.#name = `banshare-${name} ${words.join(' ')}`;
    const [command = '', ...args] = [...through, process.execPath, main, ...words];
    this.#process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface(stream).on('line', (line) => {
        this.#lines.push(line);
        this.#wake();
      });
    }
    running.add(this);
    this.ended = once(this.#process, 'close').then(([code, signal]) => {
      running.delete(this);
      this.#wake();
      return (signal ?? code) as number | string;
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** All that it has said so far. */
  get said(): readonly string[] {
    return this.#lines;
  }

  /** The first line, past or to come, that fits; each line is handed out once for each pattern. */
  async line(pattern: RegExp, withinMs = 20_000): Promise<string> {
    const next = (async (): Promise<string> => {
      for (;;) {
        const line = this.#take(pattern);
        if (line !== undefined) return line;
        if (!running.has(this)) throw new Error(`${this.#name} ended; it said:\n${this.#tail()}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    })();
    return within(next, withinMs, () => `a line like ${pattern} of ${this.#name}; it said:\n${this.#tail()}`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Ends it and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    this.kill(signal);
    return within(this.ended, 20_000, () => `the end of ${this.#name}; it said:\n${this.#tail()}`);
  }

  #take(pattern: RegExp): string | undefined {
    const from = this.#seen.get(String(pattern)) ?? 0;
    const index = this.#lines.findIndex((line, at) => at >= from && pattern.test(line));
    this.#seen.set(String(pattern), index < 0 ? this.#lines.length : index + 1);
    return this.#lines[index];
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  #tail(): string {
    return this.#lines.slice(-20).join('\n');
  }
}

/** How a short run of a program ended; ms from its start to its end. */
export type Ran = { code: number | null; stdout: string; stderr: string; ms: number };

/** Milliseconds that a quiet machine may take to start a program; where they are not enough, one is started to see. */
const START_MS = 1500;

/**
 * Asserts that a run took so long at most, beside its start. That may take ten times what one takes here and now, so that what else
 * runs on the machine makes no test fail.
 */
export async function assertInTime(ms: number, limitMs: number): Promise<void> {
  if (ms < limitMs + START_MS) return;
  const start = await runProgram('report', ['--version']);
  assert.ok(ms < limitMs + 10 * start.ms, `${ms} ms, and a start takes ${start.ms} ms`);
}

/** Runs one of our programs to its end. */
export async function runProgram(
  name: 'server' | 'client' | 'report',
  words: readonly string[],
  more: Surroundings & { stdin?: string | Uint8Array } = {},
): Promise<Ran> {
  const began = performance.now();
  const [command = '', ...args] = [...(more.through ?? []), process.execPath, mainOf(name), ...words];
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: { ...process.env, ...more.env },
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  // A program may end before it has read everything.
  child.stdin.on('error', () => undefined);
  child.stdin.end(more.stdin ?? '');
  const closed = once(child, 'close');
  const [code] = (await within(closed, 60_000, () => {
    child.kill('SIGKILL');
    return `the end of banshare-${name} ${words.join(' ')}`;
  })) as [number | null];
  return { code, ...text, ms: performance.now() - began };
}

/**
 * The file that starts a program: its bundle where the run of the tests has made them, which takes half the processor time of the
 * sources, and else its sources.
 */
export function mainOf(name: 'server' | 'client' | 'report'): string {
  const folder = process.env['BANSHARE_TEST_PROGRAMS'];
  return folder === undefined
    ? join(PACKAGES, name, 'src/main.ts')
    : join(folder, `${name}.${name === 'report' ? 'cjs' : 'mjs'}`);
}
