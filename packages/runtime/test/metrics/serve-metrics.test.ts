import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { FromMetrics } from '../../src/metrics/messages.ts';

async function statusAt(port: number): Promise<number | undefined> {
  const asked = get({ host: '127.0.0.1', port, path: '/metrics', agent: false });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.resume();
  await once(response, 'end');
  return response.statusCode;
}

test('a daemon that cannot measure is asked no more often for that, however often somebody scrapes', async () => {
  const child = fork(new URL('../fixtures/metrics-child.ts', import.meta.url));
  try {
    let asked = 0;
    const opened = Promise.withResolvers<number>();
    child.on('message', (message: FromMetrics) => {
      if (message.word === 'opened') opened.resolve(message.port);
      if (message.word === 'failed') opened.reject(new Error(message.reason));
      if (message.word !== 'ask') return;
      asked += 1;
      child.send({ word: 'measures', measures: null });
    });
    child.send({ word: 'open', address: '127.0.0.1', port: 0 });
    const port = await opened.promise;
    const began = performance.now();
    const statuses: (number | undefined)[] = [];
    for (let count = 0; count < 40; count += 1) statuses.push(await statusAt(port));
    const seconds = (performance.now() - began) / 1000;
    assert.deepEqual(new Set(statuses), new Set([503]));
    assert.ok(asked >= 1 && asked <= 1 + seconds, `${asked} times in ${seconds} s`);
  } finally {
    child.kill('SIGKILL');
  }
});
