import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import type { PsadPaths } from '../../../src/enforcers/psad/psad.ts';

/** A psad that only listens at its socket, and says what it is told. */
export class HandMadePsad implements PsadPaths, AsyncDisposable {
  readonly psadSocket: string;
  readonly psadBlocked: string;
  connections = 0;
  readonly #heard: string[] = [];
  #waiting: ((text: string) => void) | undefined;
  #server: Server | undefined;

  constructor(folder: string) {
    this.psadSocket = join(folder, 'auto_ipt.sock');
    this.psadBlocked = join(folder, 'auto_blocked_iptables');
  }

  start(): Promise<void> {
    const server = createServer((socket) => {
      this.connections += 1;
      let text = '';
      socket.on('data', (chunk) => (text += String(chunk)));
      socket.on('end', () => this.#hear(text));
      socket.on('error', () => undefined);
    });
    this.#server = server;
    return new Promise((resolve) => server.listen(this.psadSocket, resolve));
  }

  /** Ends it; killed, psad leaves its socket behind. */
  async stop(isClean = false): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
    if (isClean) rmSync(this.psadSocket, { force: true });
    else if (server !== undefined) leaveSocket(this.psadSocket);
  }

  /** What it wrote down as blocked, by its own detection or because it was told. */
  blocks(...ips: string[]): void {
    writeFileSync(this.psadBlocked, ips.map((ip) => `${ip} 1795257600\n`).join(''));
  }

  /** What the next connection that says something said. */
  heard(): Promise<string> {
    const first = this.#heard.shift();
    return first === undefined ? new Promise((resolve) => (this.#waiting = resolve)) : Promise.resolve(first);
  }

  #hear(text: string): void {
    if (text === '') return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#heard.push(text);
    else waiting(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(true);
  }
}

/** Nobody listens there any more: connecting is refused, as at any file that is not a live socket. */
function leaveSocket(path: string): void {
  writeFileSync(path, '');
}
