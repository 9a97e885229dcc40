import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { Address, HostName, JailName, ProgName, RequestKind } from '@banshare/protocol';
import {
  ANSWER_MS,
  BACK_MS,
  flood,
  mebibytesOf,
  report,
  reportDuring,
  reportsMade,
  startSettled,
} from '../fleet/peers/flooding.ts';
import { BarePeer, type Peer } from '../fleet/index.ts';

// What a valid key can do: at most a restart of what it floods, and nobody else's report is late.

function framesOf(peer: Peer, request: RequestKind): (string | Buffer)[] {
  const { subject, body, signature } = peer.sealed(request);
  return ['', subject, body, signature];
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
  assert.equal(bans.length, reportsMade());
});

test('Endless frames by the join key cost a restart that says how to shut it out, and then it is', async (t) => {
  await using fleet = await startSettled();
  const good = await fleet.peer('good');
  const { server, keys } = fleet;
  const knock = (): Promise<BarePeer> =>
    BarePeer.connect(server.ports.report, keys.server.publicKey, keys.join, 'DEALER');
  const flooder = await knock();
  const flooding = (async (): Promise<void> => {
    const frame = Buffer.alloc(8000);
    for (let sent = 0; !flooder.isClosed; sent += 1) {
      await flooder.send(frame, true);
      if (sent % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const { slowest, count } = await reportDuring(good, flooding);
  assert.match(await server.line(/Flooded at the report port/), /join key .*enrolment closed/);
  await server.ready();
  t.diagnostic(`${count} reports meanwhile, the slowest OK after ${slowest} ms`);
  assert.ok(slowest < BACK_MS);
  assert.equal((await server.command('enrolment', 'closed')).code, 0);
  await assert.rejects(knock());
  await report(good);
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
  const flooding = flood(bad, 4000, (n) => {
    const ban = { ip: '203.0.113.8' as Address, prog: 'fail2ban' as ProgName, jail: `bad${n}` as JailName };
    return framesOf(bad, { kind: 'report', sender: bad.name as HostName, report: ban });
  });
  const { slowest, count } = await reportDuring(good, flooding);
  const { sent, answered } = await flooding;
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
  const flooding = flood(bad, 4000, () => framesOf(bad, { kind: 'sync', limit: 1000 }));
  const { slowest, count } = await reportDuring(good, flooding);
  const { sent, answered } = await flooding;
  const after = Math.round(await report(good));
  t.diagnostic(
    `${sent} asked, ${answered} pages in 4 s; ${count} reports, the slowest OK after ${slowest} ms, then ${after} ms`,
  );
  assert.ok(slowest < ANSWER_MS && after < ANSWER_MS);
});

type Flood = (bad: Peer, epoch: string) => { make: (n: number) => (string | Buffer)[]; most: number };
const told = { instance: 'i', version: '1', generation: 'g', addresses: [] };
const outcomes = Array.from({ length: 50 }, (_, n) => n);
const ban = { ip: '203.0.113.8' as Address, prog: 'fail2ban' as ProgName };

for (const [what, floodOf] of [
  [
    'acknowledges, and tells of events that there never were,',
    (bad, epoch) => ({
      make: (n) =>
        framesOf(bad, {
          kind: 'ack',
          epoch,
          applied: n,
          tail: '',
          ...told,
          outcomes: outcomes.map((m) => ({ seq: 100 * n + m, outcome: 'failed', reason: 'x'.repeat(100) })),
        }),
      most: 64,
    }),
  ],
  [
    'takes back bans',
    (bad) => ({
      make: (n) => framesOf(bad, { kind: 'unban', ban: { ...ban, jail: `none${n}` as JailName } }),
      most: 512,
    }),
  ],
  [
    'enrols again',
    (bad) => ({
      make: () => framesOf(bad, { kind: 'enrol', name: 'bad' as HostName, addresses: [] }),
      most: 64,
    }),
  ],
  ['sends what cannot be read', () => ({ make: () => ['', 'x;y', '{"v":', randomBytes(64)], most: 64 })],
] satisfies [string, Flood][]) {
  test(`A valid key that ${what} as fast as it can slows no report beyond 2 s, and fills no disk`, async (t) => {
    await using fleet = await startSettled(undefined, '[limits]\nhost-per-minute = 600');
    const [good, bad] = [await fleet.peer('good'), await fleet.peer('bad')];
    const { epoch } = await fleet.server.json<{ epoch: string }>('status');
    await fleet.server.stop();
    const before = kibibytesOf(fleet.server.paths.ledger);
    await fleet.server.start();
    const { make, most } = floodOf(bad, epoch);
    const flooding = flood(bad, 4000, make);
    const { slowest, count } = await reportDuring(good, flooding);
    const { sent, answered } = await flooding;
    await fleet.server.stop();
    const kibibytes = kibibytesOf(fleet.server.paths.ledger) - before - count;
    t.diagnostic(
      `${sent} sent, ${answered} answered in 4 s; ${count} reports, the slowest OK after ${slowest} ms; ledger ${kibibytes} KiB more without them`,
    );
    assert.ok(slowest < ANSWER_MS && kibibytes < most, `${kibibytes} KiB`);
  });
}

/** What a ledger holds; a report takes less than one. */
function kibibytesOf(path: string): number {
  using ledger = new DatabaseSync(path, { readOnly: true });
  return Number(ledger.prepare('PRAGMA page_count').get()?.['page_count']) * 4;
}
