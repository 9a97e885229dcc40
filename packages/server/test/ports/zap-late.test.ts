import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Router } from 'zeromq';
import { encodeZ85 } from '@banshare/transport';
import { KEYS, OPEN, Stand } from './stand.ts';

/** Who is silent is waited for; shorter than libzmq's own patience of 5 s. */
const SILENT_MS = 3000;

/** A ZAP handler of the test's own, one for all tests: what it is asked waits until it is told to answer. */
class LateHandler {
  readonly #socket = new Router({ linger: 0 });
  readonly #asked: Buffer[][] = [];
  #told: { count: number; admits: (domain: string, key: string) => boolean } | undefined;

  async stand(): Promise<void> {
    await this.#socket.bind('inproc://zeromq.zap.01');
    void this.#hear().catch(() => undefined);
  }

  /** Answers once so many have asked, all of them after the last. */
  answerAfter(count: number, admits: (domain: string, key: string) => boolean): void {
    this.#asked.length = 0;
    this.#told = { count, admits };
  }

  beSilent(): void {
    this.#told = undefined;
  }

  close(): void {
    this.#socket.close();
  }

  async #hear(): Promise<void> {
    for await (const frames of this.#socket) {
      this.#asked.push(frames);
      if (this.#told === undefined || this.#asked.length < this.#told.count) continue;
      for (const waiting of this.#asked.splice(0)) await this.#answer(waiting, this.#told.admits);
    }
  }

  async #answer(frames: Buffer[], admits: (domain: string, key: string) => boolean): Promise<void> {
    const start = frames.findIndex((frame) => frame.length === 0);
    const [, id = '', domain = '', , , , key = Buffer.alloc(0)] = frames.slice(start + 1);
    const code = admits(domain.toString(), encodeZ85(key)) ? '200' : '400';
    await this.#socket.send([...frames.slice(0, start + 1), '1.0', id, code, '', '', '']);
  }
}

const handler = new LateHandler();

test('without a handler no cell opens', async () => {
  using stand = await new Stand().open();
  assert.deepEqual(await stand.cellsThatOpen(SILENT_MS), []);
});

test('with a handler that is slow the same cells open, later', async () => {
  await handler.stand();
  using stand = await new Stand().open();
  // Every key at the two doors that are open.
  handler.answerAfter(
    2 * KEYS.length,
    (domain, key) => stand.admissions.decide(domain, key, '127.0.0.1') === 'admit',
  );
  assert.deepEqual(await stand.cellsThatOpen(), OPEN);
});

test('with a handler that never answers no cell opens', async () => {
  using stand = await new Stand().open();
  handler.beSilent();
  assert.deepEqual(await stand.cellsThatOpen(SILENT_MS), []);
  handler.close();
});
