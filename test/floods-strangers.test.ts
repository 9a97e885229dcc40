import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import {
  ANSWER_MS,
  BACK_MS,
  mebibytesOf,
  report,
  reportDuring,
  startSettled,
  strangers,
} from './fleet/flooding.ts';

// What can be done without a key of the fleet.

for (const [what, behave] of [
  ['junk bytes', (socket: Socket) => socket.write(randomBytes(2000))],
  [
    'a greeting and an oversize frame',
    (socket: Socket) => {
      const bytes = Buffer.alloc(64 + 9 + 1000, 1);
      Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0]).copy(bytes);
      bytes.fill(0, 12, 64).write('CURVE', 12);
      bytes[64] = 6;
      bytes.writeBigUInt64BE(1n << 40n, 65);
      socket.write(bytes);
    },
  ],
] as const) {
  test(`3000 connections with ${what} keep no report from its OK within 2 s`, async (t) => {
    await using fleet = await startSettled();
    const good = await fleet.peer('good');
    const flooding = (async (): Promise<void> => {
      for (let round = 0; round < 10; round += 1) (await strangers(fleet.server.ports.report, 300, behave))();
    })();
    const { slowest, count } = await reportDuring(good, flooding);
    t.diagnostic(
      `${count} reports, the slowest OK after ${slowest} ms; ${mebibytesOf(fleet.server.pid)} MiB`,
    );
    assert.ok(slowest < ANSWER_MS && mebibytesOf(fleet.server.pid) < 250);
  });
}
test('Idle connections up to the descriptor limit are dropped, and reports get their OK again within 5 s', async (t) => {
  await using fleet = await startSettled(['sh', '-c', 'ulimit -n 400; exec "$@"', 'sh']);
  const [connected, good] = [await fleet.peer('connected'), await fleet.peer('good')];
  const ask = (): Promise<number> => report(connected, true);
  await ask();
  const leave = await strangers(fleet.server.ports.report, 600, () => undefined);
  const before = await ask();
  const anew = Math.round(await report(good));
  t.diagnostic(`OK over a connection after ${before} ms, over a new one after ${anew} ms`);
  leave();
  assert.ok(before < BACK_MS && anew < BACK_MS);
  assert.ok((await report(good)) < ANSWER_MS);
});
