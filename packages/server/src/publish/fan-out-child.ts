import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { HEARTBEAT_MS } from '@banshare/protocol';
import type { FromFanOut, ToFanOut } from './fan-out-messages.ts';

/** A thousand subscribers take 91 MB; a flood of subscriptions grows by hundreds of MB in a second. */
const MEMORY_CAP_BYTES = 512 * 1024 * 1024;
const WATCH_MS = 250;
/** The child beats once a second; a flood can keep its loop busy for good. */
const SILENT_AFTER_MS = 6 * HEARTBEAT_MS;
const OPEN_WITHIN_MS = 15_000;
/** Where pages are larger, as on some arm64 kernels, the cap is only reached later. */
const PAGE_BYTES = 4096;

/** One life of the fan-out child: opened once, watched, ended once. */
export class FanOutChild {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, () => void>();
  readonly #opened = Promise.withResolvers<string[]>();
  readonly #ended = Promise.withResolvers<string>();
  /** Fulfilled with the reason once the process is gone. */
  readonly ended = this.#ended.promise;
  #reason: string | undefined;
  #ticket = 0;
  #silentMs = 0;
  /** Until its first word it is being started, which takes a busy machine longer than its silence later means. */
  #hasSpoken = false;

  constructor(program: { path: string; args: readonly string[] }) {
    this.#process = fork(program.path, program.args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    this.#process.on('message', (message: FromFanOut) => this.#hear(message));
    const watch = setInterval(() => this.#watch(), WATCH_MS);
    const alive = setInterval(() => this.tell({ word: 'alive' }), HEARTBEAT_MS);
    const gone = (reason: string): void => {
      clearInterval(watch);
      clearInterval(alive);
      // The pipe of a child that was never started stays open by itself.
      if (this.#process.connected) this.#process.disconnect();
      for (const done of this.#waiting.values()) done();
      this.#opened.reject(new Error(`Cannot open the publish port: ${reason}`));
      this.#ended.resolve(reason);
    };
    this.#process.on('error', (error) => {
      this.#kill(error.message);
      // What was never started sends no exit.
      if (this.#process.pid === undefined) gone(error.message);
    });
    this.#process.on('exit', (code, signal) => gone(this.#reason ?? `it ended with ${signal ?? code}`));
    // Nobody may be waiting for it by then.
    this.#opened.promise.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Has the child bind its endpoints; @throws with its reason when it cannot. */
  async open(message: Omit<ToFanOut & { word: 'open' }, 'word'>): Promise<string[]> {
    const timer = setTimeout(() => this.#kill('it did not open its port in time'), OPEN_WITHIN_MS);
    this.tell({ word: 'open', ...message });
    try {
      return await this.#opened.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  tell(message: ToFanOut): void {
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  admit(key: string): Promise<void> {
    return this.#ask((ticket) => ({ word: 'admit', key, ticket }));
  }

  close(domain: string): Promise<void> {
    return this.#ask((ticket) => ({ word: 'close', domain, ticket }));
  }

  async end(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#kill('it did not end'), 2000);
    await this.ended;
    clearTimeout(timer);
  }

  /** Resolves once the child has done what it was told, or is gone. */
  #ask(asked: (ticket: number) => ToFanOut): Promise<void> {
    if (!this.#process.connected) return Promise.resolve();
    this.#ticket += 1;
    const ticket = this.#ticket;
    return new Promise((resolve) => {
      this.#waiting.set(ticket, resolve);
      this.tell(asked(ticket));
    });
  }

  #hear(message: FromFanOut): void {
    this.#silentMs = 0;
    this.#hasSpoken = true;
    if (message.word === 'opened') this.#opened.resolve(message.endpoints);
    if (message.word === 'failed') this.#kill(message.reason);
    if (message.word === 'admitted' || message.word === 'closed') {
      this.#waiting.get(message.ticket)?.();
      this.#waiting.delete(message.ticket);
    }
  }

  #watch(): void {
    this.#silentMs += WATCH_MS;
    if (this.#hasSpoken && this.#silentMs > SILENT_AFTER_MS) this.#kill('it gave no sign of life for 6 s');
    const bytes = residentBytes(this.#process.pid);
    if (bytes > MEMORY_CAP_BYTES) {
      this.#kill(`it grew to ${Math.round(bytes / 1_048_576)} MiB, beyond its cap: a subscriber floods it`);
    }
  }

  #kill(reason: string): void {
    this.#reason ??= reason;
    this.#process.kill('SIGKILL');
  }
}

function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
