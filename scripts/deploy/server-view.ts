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

/** The fleet as its server sees it, which is what counts. */
export class ServerView {
  readonly #remote: Remote;
  readonly #destination: string;

  constructor(remote: Remote, destination: string) {
    this.#remote = remote;
    this.#destination = destination;
  }

  /** Every host that the server knows. @throws Fault when it cannot be asked. */
  async hosts(): Promise<KnownHost[]> {
    return (await this.#ask<{ hosts: KnownHost[] }>('hosts')).hosts;
  }

  /** The generations in service. @throws Fault when it cannot be asked. */
  async generations(): Promise<string[]> {
    return (await this.#ask<{ generations: string[] }>('status')).generations;
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

  async #ask<T>(command: 'hosts' | 'status'): Promise<T> {
    const { code, out, said } = await this.#remote.run(this.#destination, serverScript(command));
    const json = out.split('\n').find((line) => line.startsWith('{'));
    if (json === undefined)
      throw new Fault(`Cannot ask the server on ${this.#destination}: ${said.trim() || `exit code ${code}`}`);
    return JSON.parse(json) as T;
  }
}

/** Whether the server has heard this host speak as one of the generation, and it keeps up. */
export function isOn({ generation, state, isBehind }: KnownHost, wanted: string): boolean {
  return generation === wanted && state === 'active' && !isBehind;
}
