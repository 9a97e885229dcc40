import { join } from 'node:path';
import { PATIENCE_MS, within } from './deadline.ts';
import { Running } from './running.ts';

const program = join(import.meta.dirname, 'agent-main.ts');

/** What became of an attempt to connect: silence means that nobody answered in time. */
export type Attempt = 'connected' | 'refused' | 'silence';

/** What the program in the host's network can be asked for. */
export type Wish =
  | { do: 'listen'; port: number }
  | { do: 'connect'; from: string; to: string; port: number; patienceMs: number };

/** A Node process inside a host's network namespace that listens and connects on request. */
export class Agent {
  readonly #running: Running;
  readonly #waiting = new Map<number, (answer: string) => void>();
  #last = 0;

  constructor(hostName: string, hostPid: number) {
    const argv = ['nsenter', '-t', String(hostPid), '-n', process.execPath, program];
    this.#running = new Running(`${hostName}'s agent`, argv);
    this.#running.onLine((line) => {
      const [id = '', answer = ''] = line.split(' ', 2);
      this.#waiting.get(Number(id))?.(answer);
      this.#waiting.delete(Number(id));
    });
  }

  /** Listens on a TCP port of all the host's addresses and closes what connects. */
  async listen(port: number): Promise<void> {
    const answer = await this.#ask({ do: 'listen', port });
    if (answer !== 'listening') throw new Error(`Cannot listen on port ${port}: ${answer}`);
  }

  /** Tries one TCP connection. */
  async connect(from: string, to: string, port: number, patienceMs: number): Promise<Attempt> {
    const answer = await this.#ask({ do: 'connect', from, to, port, patienceMs });
    if (answer === 'connected' || answer === 'refused' || answer === 'silence') return answer;
    throw new Error(`Cannot connect from ${from} to ${to} port ${port}: ${answer}`);
  }

  /** Ends the process. */
  async end(): Promise<void> {
    this.#running.hangUp();
    await this.#running.ended;
  }

  async #ask(wish: Wish): Promise<string> {
    const id = ++this.#last;
    const answer = new Promise<string>((resolve) => this.#waiting.set(id, resolve));
    this.#running.say(`${JSON.stringify([id, wish])}\n`);
    const ended = this.#running.ended.then(({ stderr }) =>
      Promise.reject(new Error(`The agent ended: ${stderr}`)),
    );
    return within(
      PATIENCE_MS,
      `the agent's answer to ${JSON.stringify(wish)}`,
      Promise.race([answer, ended]),
    );
  }
}
