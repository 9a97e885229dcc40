import { spawnSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';

/** What Patroni's driver for tests writes: the timeout in the place of an ioctl(2), a sign of life, and that it is wanted no more. */
const WORD = /Ctimeout=(?<seconds>\d+)\n|(?<off>V)|1/g;

/**
 * The watchdog of a machine, as far as Patroni can tell: a named pipe, which its driver `testing` writes to as to /dev/watchdog. Where that
 * falls silent for as long as Patroni has told it, the machine is reset.
 */
export class Watchdog implements Disposable {
  readonly #socket: Socket;
  readonly #reset: () => void;
  #seconds = 60;
  #timer: NodeJS.Timeout | undefined;

  /** Makes the pipe; `give` has Patroni's user own it. */
  constructor(path: string, give: (path: string) => void, reset: () => void) {
    const { status, stderr } = spawnSync('mkfifo', ['-m', '0600', path], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`Cannot make a watchdog: ${stderr}`);
    give(path);
    this.#reset = reset;
    // For both: nobody waits for the other end to be opened, and it does not end with the one who writes.
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd, readable: true, writable: false });
    this.#socket.on('data', (chunk) => this.#hear(chunk.toString('latin1')));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #hear(text: string): void {
    for (const { groups } of text.matchAll(WORD)) {
      clearTimeout(this.#timer);
      if (groups?.['off'] !== undefined) continue;
      if (groups?.['seconds'] !== undefined) this.#seconds = Number(groups['seconds']);
      this.#timer = setTimeout(this.#reset, this.#seconds * 1000);
    }
  }
}
