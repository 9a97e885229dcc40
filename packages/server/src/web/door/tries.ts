import { setTimeout } from 'node:timers/promises';
import type { AdminReply } from '@banshare/runtime';
import { MOST_CODES, type PageLogins } from '../../words/page-logins.ts';

/** Milliseconds between two questions: nobody guesses a code of 160 bits by then, and the server is not kept busy. */
const BETWEEN_MS = 20;
/** No code is longer. */
const LONGEST_CODE = 100;

/** Whom a code lets in, or why nobody. */
export type Tried = { readonly name: string } | { readonly refusal: string };

type Waiting = { readonly code: string; readonly tell: (tried: Tried) => void };

/**
 * Answers tries to come in, all that wait by one question to the server, and those seldom. None is refused for those before it: whoever
 * tries all the time, from however many connections, would else keep out the administrator who has a link.
 */
export class Tries {
  readonly #ask: (codes: readonly string[]) => Promise<AdminReply>;
  #waiting: Waiting[] = [];
  #isAsking = false;

  constructor(ask: (codes: readonly string[]) => Promise<AdminReply>) {
    this.#ask = ask;
  }

  /** Tries a code. */
  take(code: string): Promise<Tried> {
    return new Promise((tell) => {
      this.#waiting.push({ code: code.slice(0, LONGEST_CODE), tell });
      if (!this.#isAsking) void this.#askOn();
    });
  }

  async #askOn(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, MOST_CODES);
      this.#waiting = this.#waiting.slice(MOST_CODES);
      const tried = await this.#outcomes(some.map(({ code }) => code));
      for (const [index, { tell }] of some.entries()) tell(tried(index));
      await setTimeout(BETWEEN_MS);
    }
    this.#isAsking = false;
  }

  async #outcomes(codes: readonly string[]): Promise<(index: number) => Tried> {
    let reply: AdminReply;
    try {
      reply = await this.#ask(codes);
    } catch (error) {
      // Whoever comes next is asked for all the same.
      return () => ({ refusal: (error as Error).message });
    }
    if (!reply.ok) return () => ({ refusal: reply.reason });
    const { names, refusal } = reply.result as PageLogins;
    return (index) => {
      const name = names[index];
      return typeof name === 'string' ? { name } : { refusal };
    };
  }
}
