import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import type { Address, HostName, JailName, ProgName } from '@banshare/protocol';
import { BarePeer, startFleet, type Fleet, type Peer } from './fleet/index.ts';

/** A legitimate report has its OK within so long; banshare-report waits no longer. */
const ANSWER_MS = 2000;
/** A flood with a valid key costs at most a restart of what it floods. */
const BACK_MS = 5000;
/** After a flood everything is as before within so long. */
const RECOVERED_MS = 10_000;

let reports = 0;

/**
 * Reports until there is an OK; the milliseconds until then. Over a new connection at first, as each run of banshare-report
 * does, unless the old one is kept.
 */
async function report(peer: Peer, keeps = false): Promise<number> {
  const began = performance.now();
  const ban = {
    ip: '203.0.113.9' as Address,
    prog: 'fail2ban' as ProgName,
    jail: `jail${(reports += 1)}` as JailName,
  };
  const sealed = peer.sealed({ kind: 'report', sender: peer.name as HostName, report: ban });
  for (;;) {
    if (!keeps) peer.close();
    const answer = await peer.send(sealed, undefined, ANSWER_MS);
    const ms = performance.now() - began;
    if (answer.ok && answer.reply.status === 'OK') return ms;
    assert.ok(ms < RECOVERED_MS, `no OK in ${ms} ms: ${JSON.stringify(answer)}`);
  }
}

/** Reports one after the other while something goes on; the slowest and how many. */
async function reportDuring(
  peer: Peer,
  flood: Promise<unknown>,
): Promise<{ slowest: number; count: number }> {
  let isOver = false;
  const over = flood.finally(() => (isOver = true));
  let [slowest, count] = [0, 0];
  while (!isOver) {
    slowest = Math.max(slowest, await report(peer));
    count += 1;
  }
  await over;
  return { slowest: Math.round(slowest), count };
}

function mebibytesOf(pid: number): number {
  return Math.round((Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 1_048_576);
}

/** A server that keeps its ports when it starts again by itself. */
async function startSettled(through?: readonly string[]): Promise<Fleet> {
  const fleet = await startFleet({ serverToml: '[log]\nlevel = "warning"' });
  await fleet.server.stop();
  await fleet.server.start(through === undefined ? {} : { through });
  return fleet;
}

test('One message of endless frames costs a restart that names its host, and nothing that was accepted', async (t) => {
  await using fleet = await startSettled();
  const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
  await report(good);
  const { server } = fleet;
  const flooder = await BarePeer.connect(
    server.ports.report,
    fleet.keys.server.publicKey,
    bad.identity.curve,
    'DEALER',
  );
  let sent = 0;
  const flooding = (async (): Promise<number> => {
    const frame = Buffer.alloc(8000);
    for (; !flooder.isClosed; sent += 1) {
      await flooder.send(frame, true);
      if (sent % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return performance.now();
  })();
  const during = reportDuring(good, flooding);
  const line = await server.line(/Flooded at the report port/);
  const ended = await flooding;
  await server.ready();
  const back = Math.round(performance.now() - ended);
  const { slowest, count } = await during;
  const mebibytes = mebibytesOf(server.pid);
  t.diagnostic(
    `${sent} frames; ${line.replace(/.*mebibytes/, 'mebibytes')}; back after ${back} ms; ${mebibytes} MiB then`,
  );
  t.diagnostic(`${count} reports meanwhile, the slowest OK after ${slowest} ms`);
  // A host that is in the middle of a report at that moment is as mute as the flooder, who came in before it.
  assert.match(line, /suspects="?bad\b/);
  assert.ok(back < BACK_MS && slowest < BACK_MS && mebibytes < 250);
  const { bans } = await server.json<{ bans: unknown[] }>('bans');
  assert.equal(bans.length, reports);
});

test('Endless frames at the publish port cost its process a restart, and no report', async (t) => {
  await using fleet = await startSettled();
  const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
  const { publish } = fleet.server.ports;
  const flooder = await BarePeer.connect(publish, fleet.keys.server.publicKey, bad.identity.curve, 'SUB');
  const flooding = (async (): Promise<void> => {
    const frame = randomBytes(450);
    for (let sent = 0; !flooder.isClosed; sent += 1) {
      await flooder.send(frame, true);
      if (sent % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const { slowest, count } = await reportDuring(good, flooding);
  t.diagnostic(await fleet.server.line(/The fan-out child is gone/));
  t.diagnostic(`${count} reports meanwhile, the slowest OK after ${slowest} ms`);
  assert.ok(slowest < ANSWER_MS);
});

test('A valid key that reports as fast as it can slows no report of another host beyond 2 s', async (t) => {
  await using fleet = await startSettled();
  const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
  const dealer = bad.dealer();
  let [sent, answered] = [0, 0];
  void (async () => {
    for await (const _ of dealer) answered += 1;
  })().catch(() => undefined);
  const until = performance.now() + 4000;
  const flooding = (async (): Promise<void> => {
    while (performance.now() < until) {
      const ban = {
        ip: '203.0.113.8' as Address,
        prog: 'fail2ban' as ProgName,
        jail: `bad${sent}` as JailName,
      };
      const sealed = bad.sealed({ kind: 'report', sender: bad.name as HostName, report: ban });
      await dealer.send(['', sealed.subject, sealed.body, sealed.signature]);
      sent += 1;
    }
  })();
  const { slowest, count } = await reportDuring(good, flooding);
  dealer.close();
  t.diagnostic(
    `${sent} sent, ${answered} answered in 4 s; ${count} other reports, the slowest OK after ${slowest} ms`,
  );
  assert.ok(slowest < ANSWER_MS);
});

test('A valid key that asks for snapshots as fast as it can slows no report beyond 2 s', async (t) => {
  await using fleet = await startSettled();
  const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
  for (let n = 0; n < 1500; n += 1) {
    const ban = {
      ip: `203.0.113.${n % 250}` as Address,
      prog: 'fail2ban' as ProgName,
      jail: `page${n}` as JailName,
    };
    await good.ask({ kind: 'report', sender: good.name as HostName, report: ban });
  }
  const dealer = bad.dealer();
  let [sent, answered] = [0, 0];
  void (async () => {
    for await (const _ of dealer) answered += 1;
  })().catch(() => undefined);
  const until = performance.now() + 4000;
  const flooding = (async (): Promise<void> => {
    while (performance.now() < until) {
      const sealed = bad.sealed({ kind: 'sync', limit: 1000 });
      await dealer.send(['', sealed.subject, sealed.body, sealed.signature]);
      sent += 1;
    }
  })();
  const { slowest, count } = await reportDuring(good, flooding);
  dealer.close();
  const after = Math.round(await report(good));
  t.diagnostic(
    `${sent} asked, ${answered} pages in 4 s; ${count} reports, the slowest OK after ${slowest} ms, then ${after} ms`,
  );
  assert.ok(slowest < ANSWER_MS && after < ANSWER_MS);
});

/** Connections that nobody has to prove a key for. */
async function strangers(port: number, count: number, behave: (socket: Socket) => void): Promise<() => void> {
  const sockets: Socket[] = [];
  for (let n = 0; n < count; n += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    if (n % 50 === 0) {
      await new Promise<void>((resolve) => socket.once('connect', resolve).once('close', () => resolve()));
    }
    behave(socket);
  }
  return () => sockets.forEach((socket) => socket.destroy());
}

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
