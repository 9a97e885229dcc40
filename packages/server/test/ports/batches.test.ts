import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pump } from '../../src/ports/batches.ts';

/** A port whose messages the test brings, and the sizes of the batches that were handled. */
function pumped(handled: () => Promise<void> = () => Promise.resolve()): {
  bring: (count: number) => void;
  close: () => void;
  sizes: number[];
  ended: Promise<void>;
} {
  const there: Buffer[][] = [];
  let came = Promise.withResolvers<void>();
  let isClosed = false;
  const sizes: number[] = [];
  const wake = (): void => {
    came.resolve();
    came = Promise.withResolvers();
  };
  const receive = async (): Promise<Buffer[] | undefined> => {
    while (there.length === 0 && !isClosed) await came.promise;
    return there.shift();
  };
  const ended = pump({ receive }, (messages) => {
    sizes.push(messages.length);
    return handled();
  });
  return {
    bring: (count) => {
      for (let n = 0; n < count; n += 1) there.push([Buffer.from('report')]);
      wake();
    },
    close: () => {
      isClosed = true;
      wake();
    },
    sizes,
    ended,
  };
}

test('A report after a rest is handled without a turn of the event loop, and what arrived with it in the same batch', async () => {
  const port = pumped();
  await setImmediate();
  const turn = setImmediate().then(() => [...port.sizes]);
  port.bring(3);
  assert.deepEqual(await turn, [3]);
  port.close();
  await port.ended;
});

test('Between two batches the event loop has a turn, however many reports wait', async () => {
  const port = pumped();
  port.bring(2000);
  const most: number[] = [];
  for (let before = 0; before < 2000;) {
    await setImmediate();
    const now = port.sizes.reduce((sum, size) => sum + size, 0);
    most.push(now - before);
    before = now;
  }
  assert.ok(Math.max(...most) <= 256, most.join(' '));
  port.close();
  await port.ended;
});

test('what arrives while a batch waits for its commit is handled beside it, up to some hundreds, and the others when that is done', async () => {
  const committed = Promise.withResolvers<void>();
  const port = pumped(() => committed.promise);
  const settled = async (): Promise<number> => {
    for (let turns = 0; turns < 20; turns += 1) await setImmediate();
    return port.sizes.reduce((sum, size) => sum + size, 0);
  };
  port.bring(3);
  assert.equal(await settled(), 3);
  port.bring(4);
  assert.equal(await settled(), 7);
  port.bring(2000);
  const most = await settled();
  assert.ok(most > 256 && most < 1000, String(most));
  committed.resolve();
  assert.equal(await settled(), 2007);
  port.close();
  await port.ended;
});

test('a port that is closed is done once what was handled is, and a handler that fails ends it', async () => {
  const committed = Promise.withResolvers<void>();
  const port = pumped(() => committed.promise);
  port.bring(1);
  await setImmediate();
  port.close();
  let isEnded = false;
  const ended = port.ended.then(() => (isEnded = true));
  for (let turns = 0; turns < 5; turns += 1) await setImmediate();
  assert.equal(isEnded, false);
  committed.resolve();
  await ended;
  const failing = pumped(() => Promise.reject(new Error('it fails')));
  failing.bring(1);
  await assert.rejects(failing.ended, /it fails/);
});
