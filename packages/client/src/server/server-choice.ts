import { hash } from 'node:crypto';
import type { Servers } from '@banshare/runtime';
import { monotonicSeconds } from '@banshare/runtime';

/** One whose report port did not answer is not gone to for that reason again for so long: where none answers, a host comes to rest. */
const DEAF_SECONDS = 60;

/**
 * Which of the servers this host uses, and which of them follow it. Each host has an order of its own, by its key, so that the
 * hosts spread over all servers, and those of a server that is gone over the others. States: at one, where it stays; on its way,
 * from when that was of no use until another is; once round, when it has been at each of them meanwhile.
 */
export class ServerChoice {
  readonly #order: Servers;
  readonly #changed: (order: Servers) => void;
  readonly #now: () => number;
  readonly #deafAt = new Map<string, number>();
  readonly #passed = new Map<string, Set<string>>();
  #at = 0;
  /** How many it has been at since one was of use. */
  #tried = 0;

  /**
   * @param key what tells this host from others.
   * @param changed hears in which order the servers are to be asked from now on, where they are several.
   * @param now monotonic seconds.
   */
  constructor(
    servers: Servers,
    key: string,
    changed: (order: Servers) => void = () => undefined,
    now: () => number = monotonicSeconds,
  ) {
    this.#order = orderOf(servers, key);
    this.#changed = changed;
    this.#now = now;
    this.#tell();
  }

  /** The one in use. */
  get current(): string {
    return this.#order[this.#at] ?? this.#order[0];
  }

  /** The others, in the order in which they follow. */
  get others(): string[] {
    return [...this.#order.slice(this.#at + 1), ...this.#order.slice(0, this.#at)];
  }

  /** All of them, the one in use first. */
  get order(): Servers {
    return [this.current, ...this.others];
  }

  /** The one in use is of use. */
  settle(): void {
    this.#tried = 0;
  }

  /** Goes on with the next one. Returns whether each was tried since one was of use: then it is time for a rest. */
  goOn(): boolean {
    this.#tried += 1;
    const isRound = this.#tried >= this.#order.length;
    if (isRound) this.#tried = 0;
    this.goTo(this.others[0] ?? this.current);
    return isRound;
  }

  /** Goes to one of them. */
  goTo(server: string): void {
    const at = this.#order.indexOf(server);
    if (at < 0 || at === this.#at) return;
    this.#at = at;
    this.#tell();
  }

  /** The addresses of a server's name at which nothing was: another one of that name is tried before. Whoever finds that none is left clears it. */
  passed(server: string): Set<string> {
    const passed = this.#passed.get(server) ?? new Set();
    this.#passed.set(server, passed);
    return passed;
  }

  /** The report port of the one in use did not answer. Returns whether it is worth going to another, which may. */
  isDeaf(): boolean {
    const now = this.#now();
    this.#deafAt.set(this.current, now);
    return this.others.some((server) => now - (this.#deafAt.get(server) ?? -Infinity) > DEAF_SECONDS);
  }

  #tell(): void {
    if (this.#order.length > 1) this.#changed(this.order);
  }
}

/** The servers in the order of one host: by a hash of each with its key, so that a server more or less moves no other host. */
function orderOf(servers: Servers, key: string): Servers {
  const weigh = (server: string): string => hash('sha256', `${key}\n${server}`);
  const [first = servers[0], ...others] = [...servers].sort((a, b) => (weigh(a) < weigh(b) ? -1 : 1));
  return [first, ...others];
}

/** Asks one server after the other until an answer counts; the last one's where none does. */
export async function firstThatCounts<Answer>(
  servers: Servers,
  ask: (server: string) => Promise<Answer>,
  counts: (answer: Answer) => boolean,
): Promise<Answer> {
  const [first, ...others] = servers;
  let answer = await ask(first);
  for (const server of others) {
    if (counts(answer)) break;
    answer = await ask(server);
  }
  return answer;
}
