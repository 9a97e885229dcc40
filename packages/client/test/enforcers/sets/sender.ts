import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Network } from '../network.ts';

const SEND_FROM = join(import.meta.dirname, '../../fixtures/send-from.ts');

/** A process in a network that sends a packet from each address, round after round, and says which arrived. */
export class Sender implements AsyncDisposable {
  readonly #process;
  readonly #answers: AsyncIterator<string>;

  constructor(network: Network) {
    const [program = '', ...words] = network.entering(process.execPath, SEND_FROM);
    this.#process = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async arrived(addresses: readonly string[]): Promise<string[]> {
    this.#process.stdin.write(`${addresses.join(' ')}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error('the process that sends packets ended');
    return JSON.parse(answer.value) as string[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'close');
    this.#process.stdin.end();
    await ended;
  }
}
