import { EventEmitter } from 'node:events';
import type { Host } from '../../../test/lab/ground/host.ts';
import { within } from '../../../test/lab/ground/deadline.ts';
import type { Running } from '../../../test/lab/ground/running.ts';

const PATIENCE_MS = 30_000;

/** Sees each address that the kernel of a host is told to drop, at the moment it is told, whoever tells it. */
export class Rules {
  readonly #host: Host;
  readonly #monitor: Running;
  readonly #news = new EventEmitter().setMaxListeners(0);
  /** When each address was last put into a set. */
  #added = new Map<string, number>();

  /** Begins to listen to a host's kernel. */
  static async of(host: Host): Promise<Rules> {
    const monitor = host.spawn(['nft', 'monitor']);
    const rules = new Rules(host, monitor);
    const marker = monitor.line(/table inet bench-marker/);
    let isHeard = false;
    const heard = (): void => void (isHeard = true);
    marker.then(heard, heard);
    // nft does not say when it has begun to listen: what it is told is a change.
    const provoke = 'add table inet bench-marker\ndelete table inet bench-marker\n';
    while (!isHeard) await host.output(['nft', '-f', '-'], { input: provoke });
    await marker;
    return rules;
  }

  private constructor(host: Host, monitor: Running) {
    this.#host = host;
    this.#monitor = monitor;
    monitor.onLine((line) => this.#hear(line));
  }

  /** When the kernel had the address, in milliseconds of performance.now(). */
  async until(ip: string, milliseconds = PATIENCE_MS): Promise<number> {
    await this.#when(() => this.#added.has(ip), `${ip} in the kernel of ${this.#host.name}`, milliseconds);
    return this.#added.get(ip) ?? Number.NaN;
  }

  /** When the kernel had that many addresses that were told since forget(). */
  async untilCount(count: number, milliseconds = PATIENCE_MS): Promise<number> {
    const what = `${count} addresses in the kernel of ${this.#host.name}`;
    await this.#when(() => this.#added.size >= count, what, milliseconds);
    return Math.max(...this.#added.values());
  }

  get count(): number {
    return this.#added.size;
  }

  /** Counts anew. */
  forget(): void {
    this.#added = new Map();
  }

  /** Listens no more. */
  async close(): Promise<void> {
    await this.#monitor.stop('SIGKILL');
  }

  async #when(isSo: () => boolean, what: string, milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (isSo()) resolve();
    };
    this.#news.on('added', look);
    look();
    try {
      await within(milliseconds, what, promise, () => `${this.#added.size} addresses`);
    } finally {
      this.#news.off('added', look);
    }
  }

  #hear(line: string): void {
    const atMs = performance.now();
    const [, inside] = /^add element .*\{(.*)\}/.exec(line) ?? [];
    if (inside === undefined) return;
    for (const element of inside.split(',')) this.#added.set(element.trim().split(' ')[0] ?? '', atMs);
    this.#news.emit('added');
  }
}
