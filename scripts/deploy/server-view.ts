import { setTimeout } from 'node:timers/promises';
import { Fault } from '../say.ts';
import { serverScript } from './remote-scripts.ts';
import type { Remote } from './remote.ts';

/** A host as `banshare-server hosts --json` tells it. */
export type KnownHost = {
  readonly name: string;
  readonly state: string;
  readonly isBehind: boolean;
  readonly generation: string | null;
};

const BETWEEN_MS = 1000;

/** The fleet as its servers see it, which is what counts; each of several servers sees all of it. */
export class ServerView {
  readonly #remote: Pick<Remote, 'run'>;
  readonly #destinations: readonly string[];

  constructor(remote: Pick<Remote, 'run'>, destinations: readonly string[]) {
    this.#remote = remote;
    this.#destinations = destinations;
  }

  /** Every host that the first server knows that can be asked. @throws Fault when none can. */
  async hosts(): Promise<KnownHost[]> {
    const faults: string[] = [];
    for (const destination of this.#destinations) {
      try {
        return (await this.#ask<{ hosts: KnownHost[] }>(destination, 'hosts')).hosts;
      } catch (error) {
        faults.push(faultText(error));
      }
    }
    throw new Fault(faults.join('; '));
  }

  /**
   * Sees that hosts can move to a generation: every server that can be asked serves it, since a host may go to any of them. Returns
   * why others cannot be asked. @throws Fault where one does not serve it, or none can be asked.
   */
  async serves(generation: string): Promise<string[]> {
    const faults: string[] = [];
    for (const destination of this.#destinations) {
      try {
        const { generations } = await this.#ask<{ generations: string[] }>(destination, 'status');
        if (generations.includes(generation)) continue;
      } catch (error) {
        faults.push(faultText(error));
        continue;
      }
      const which = this.#destinations.length === 1 ? 'the server' : `the server on ${destination}`;
      throw new Fault(`${which} does not serve the generation ${generation} yet: deploy to it first`);
    }
    if (faults.length === this.#destinations.length) throw new Fault(faults.join('; '));
    return faults;
  }

  /** Asks until all these hosts are on the generation and keep up; whom it saw so last, when the time is over. */
  async untilOn(generation: string, names: readonly string[], seconds: number): Promise<Set<string>> {
    const end = performance.now() + seconds * 1000;
    for (;;) {
      const hosts = await this.hosts();
      const there = new Set(hosts.filter((host) => isOn(host, generation)).map(({ name }) => name));
      if (names.every((name) => there.has(name)) || performance.now() > end) return there;
      await setTimeout(BETWEEN_MS);
    }
  }

  async #ask<T>(destination: string, command: 'hosts' | 'status'): Promise<T> {
    const { code, out, said } = await this.#remote.run(destination, serverScript(command));
    const json = out.split('\n').find((line) => line.startsWith('{'));
    if (json === undefined)
      throw new Fault(`Cannot ask the server on ${destination}: ${said.trim() || `exit code ${code}`}`);
    return JSON.parse(json) as T;
  }
}

function faultText(error: unknown): string {
  if (error instanceof Fault) return error.message;
  throw error;
}

/** Whether the server has heard this host speak as one of the generation, and it keeps up. */
export function isOn({ generation, state, isBehind }: KnownHost, wanted: string): boolean {
  return generation === wanted && state === 'active' && !isBehind;
}
