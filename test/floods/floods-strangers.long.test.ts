import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { BarePeer, within } from '../fleet/index.ts';
import {
  RECOVERED_MS,
  ANSWER_MS,
  BACK_MS,
  mebibytesOf,
  report,
  reportDuring,
  startSettled,
  strangers,
} from '../fleet/peers/flooding.ts';

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

/**
 * Handshakes that wait for the server at a time, and as many again that come. An attacker waits for nobody; but where the machine
 * is busy with other things, the server would have more before it with each second, and that would be all that is shown.
 */
const MOST_WAITING = 250;

test("Handshakes with the server's public key that are begun and never ended keep no report from its OK within 2 s", async (t) => {
  await using fleet = await startSettled();
  const [good, before] = [await fleet.peer('good'), mebibytesOf(fleet.server.pid)];
  const hello = await BarePeer.hello(fleet.keys.server.publicKey);
  const { report: port, publish } = fleet.server.ports;
  const [waiting, welcomed] = [new Set<Socket>(), new Set<Socket>()];
  let wake = (): void => undefined;
  const settle = (socket: Socket): void => {
    if (waiting.delete(socket) && waiting.size < MOST_WAITING) wake();
  };
  const say = (socket: Socket): void => {
    waiting.add(socket);
    socket.on('close', () => settle(socket));
    socket.on('data', () => {
      // The greeting has 64 bytes.
      if (socket.bytesRead <= 64) return;
      welcomed.add(socket);
      settle(socket);
    });
    socket.write(hello);
  };
  const began = performance.now();
  const flooding = (async (): Promise<() => void> => {
    const leaves: (() => void)[] = [];
    for (let round = 0; round < 12; round += 1) {
      leaves.push(await strangers(round % 4 === 3 ? publish : port, 500, say));
      while (waiting.size >= MOST_WAITING) await new Promise<void>((resolve) => (wake = resolve));
    }
    return () => leaves.forEach((leave) => leave());
  })();
  const { slowest, count } = await reportDuring(good, flooding);
  const perSecond = Math.round(6000 / ((performance.now() - began) / 1000));
  const held = Math.round(await report(good));
  const mebibytes = mebibytesOf(fleet.server.pid);
  t.diagnostic(
    `6000 at ${perSecond}/s, ${welcomed.size} answered; ${count} reports, the slowest OK after ${slowest} ms`,
  );
  t.diagnostic(`while all are held: OK after ${held} ms; ${before} MiB before, ${mebibytes} MiB then`);
  (await flooding)();
  const after = Math.round(await report(good));
  t.diagnostic(`afterwards: OK after ${after} ms`);
  assert.ok(welcomed.size > 0 && slowest < ANSWER_MS && held < ANSWER_MS && after < ANSWER_MS);
  assert.ok(mebibytes < 350, `${mebibytes} MiB`);
});

test('Handshakes that are begun and never ended are dropped by the server itself, and do not count any more within 10 s', async (t) => {
  await using fleet = await startSettled(['sh', '-c', 'ulimit -n 1000; exec "$@"', 'sh']);
  const good = await fleet.peer('good');
  const hello = await BarePeer.hello(fleet.keys.server.publicKey);
  let open = 0;
  const gone = Promise.withResolvers<number>();
  const began = performance.now();
  const leave = await strangers(fleet.server.ports.report, 500, (socket) => {
    open += 1;
    socket.resume();
    socket.once('close', () => {
      if ((open -= 1) === 0) gone.resolve(Math.round(performance.now() - began));
    });
    socket.write(hello);
  });
  const during = Math.round(await report(good));
  const ms = await within(gone.promise, RECOVERED_MS, () => `${open} are still there`);
  t.diagnostic(`OK after ${during} ms meanwhile; all 500 were dropped after ${ms} ms`);
  assert.ok(during < ANSWER_MS);
  leave();
});
