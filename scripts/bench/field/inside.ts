import { join } from 'node:path';
import type { Host } from '../../../test/lab/ground/host.ts';
import type { Running } from '../../../test/lab/ground/running.ts';
import { Fault } from '../../say.ts';

const PROGRAM = join(import.meta.dirname, 'inside-main.ts');
const PATIENCE_MS = 60_000;

/** What the program in a host can be asked for. */
export type Wish =
  | { do: 'enforcer'; config: string }
  | { do: 'ban'; jail: string; ips: readonly string[] }
  | { do: 'run'; argv: readonly string[]; input: string };

/** A Node process in a lab host that bans through banshare's enforcers, and runs what they are compared with likewise. */
export class Inside implements AsyncDisposable {
  readonly #host: Host;
  readonly #running: Running;

  constructor(host: Host) {
    this.#host = host;
    this.#running = host.spawn([process.execPath, PROGRAM]);
  }

  /** Takes the enforcer that a client.toml asks for, as a client that has just started; how many it takes at once. */
  async enforcer(toml: string): Promise<number> {
    const config = '/etc/banshare/bench.toml';
    await this.#host.write(config, toml);
    return this.#ask({ do: 'enforcer', config });
  }

  /** Bans through the enforcer; milliseconds until the last is carried out. */
  ban(jail: string, ips: readonly string[]): Promise<number> {
    return this.#ask({ do: 'ban', jail, ips });
  }

  /** Runs a program; milliseconds until it has ended. */
  run(argv: readonly string[], input = ''): Promise<number> {
    return this.#ask({ do: 'run', argv, input });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.stop('SIGKILL');
  }

  async #ask(wish: Wish): Promise<number> {
    const position = this.#running.lines.length;
    this.#running.say(`${JSON.stringify(wish)}\n`);
    const answer = await this.#running.lineAfter(position, /^(ms|fault) /, PATIENCE_MS);
    if (answer.startsWith('fault ')) throw new Fault(answer.slice('fault '.length));
    return Number(answer.slice('ms '.length));
  }
}
