import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import type { HostName } from '@banshare/protocol';
import { makeIdentity } from '@banshare/transport';
import { Program, runProgram, startFleet, type Fleet } from '../../../../test/fleet/index.ts';
import { Audit } from '../../src/ledger/books/audit.ts';
import { Admissions } from '../../src/ports/admissions.ts';
import { EnrolmentRate } from '../../src/fleet/enrolment-rate.ts';
import { Membership } from '../../src/fleet/membership.ts';
import { Opening } from '../../src/fleet/opening.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { TokenBook } from '../../src/fleet/tokens.ts';
import { publish } from '../reports.ts';
import { askAsNewcomers } from './newcomers.ts';

async function entries(fleet: Fleet, wanted: string): Promise<number> {
  const { entries } = await fleet.server.json<{ entries: { what: string }[] }>('audit');
  return entries.filter(({ what }) => what === wanted).length;
}

test('the limit lets a burst through, then so many a minute, and remembers for an hour that it took hold', () => {
  const rate = new EnrolmentRate(1);
  const asked = [0, 0, 0, 0, 0, 0, 0, 60, 60].map((now) => rate.ask(undefined, now) === undefined);
  assert.deepEqual(asked, [true, true, true, true, true, false, false, true, false]);
  assert.deepEqual([rate.hold(60)?.tries, rate.hold(60)?.since], [3, 0]);
  assert.equal(rate.ask(undefined, 200), undefined);
  assert.equal(rate.hold(3660)?.tries, 3);
  assert.equal(rate.hold(3661), undefined);
  assert.equal(rate.ask(999, 4000), undefined);
  assert.match(rate.ask(1000, 4000)?.answer.reason ?? '', /1000 hosts wait for an operator already/);
});

test('the limit goes on from who came before a start, in whatever order they are known, and has refilled since', () => {
  const rate = new EnrolmentRate(1, [60, 0, 0, 0, 0, 0]);
  const asked = [60, 120, 120, 180].map((now) => rate.ask(undefined, now) === undefined);
  assert.deepEqual(asked, [false, true, false, true]);
});

test('a start of the server gives newcomers no further burst: who can end it has not all of it again each time', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nper-minute = 1' });
  await askAsNewcomers(fleet, 4);
  await fleet.server.kill9();
  await fleet.server.start();
  const told = await askAsNewcomers(fleet, 3);
  assert.deepEqual(
    told.map(({ status }) => status),
    ['OK', 'RETRY', 'RETRY'],
  );
});

test('whom an operator admitted by its key takes no place of newcomers after a start', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nper-minute = 1' });
  const keys = await Promise.all(Array.from({ length: 5 }, () => makeIdentity()));
  const stdin = keys.map(({ publicHex }, n) => `admitted-${n} ${publicHex}`).join('\n');
  const admitted = await runProgram('server', ['hosts', 'admit', '-', '--root', fleet.server.root], {
    stdin,
  });
  assert.equal(admitted.code, 0, admitted.stderr);
  await fleet.server.kill9();
  await fleet.server.start();
  const told = await askAsNewcomers(fleet, 5);
  assert.ok(told.every(({ status }) => status === 'OK'));
});

test('above the rate newcomers are asked to come later, and nobody who is enrolled notices', async () => {
  await using fleet = await startFleet({ serverToml: '[enrolment]\nper-minute = 1' });
  const known = await fleet.peer('known');
  const told = await askAsNewcomers(fleet, 14);
  assert.deepEqual(
    told.map(({ status }) => status),
    [...Array.from({ length: 4 }, () => 'OK'), ...Array.from({ length: 10 }, () => 'RETRY')],
  );
  assert.deepEqual(told[4], { status: 'RETRY', code: 'enrolments', after: 5 });
  await fleet.server.line(/Enrolment is limited/);
  const again = await known.enrol('known');
  assert.ok(again.ok && again.reply.status === 'OK');
  await publish(known, '203.0.113.1');
  const status = await fleet.server.asks('status');
  assert.equal(status.code, 1);
  assert.match(status.stdout, /^To do: Enrolment is LIMITED: more than 1 hosts a minute.*10 tries since/);
  assert.deepEqual([await entries(fleet, 'enrolled'), await entries(fleet, 'brake')], [5, 1]);
  assert.equal((await fleet.server.json<{ hosts: unknown[] }>('hosts')).hosts.length, 5);
});

test('who waits for an operator and has not asked for a day is forgotten, the others go on waiting', async () => {
  using shelf = new LedgerOfTest();
  const { ledger, book } = shelf;
  let now = NOW;
  const membership = new Membership({
    ledger,
    book,
    admissions: new Admissions(),
    tokens: new TokenBook(ledger, new Admissions(), [], () => now),
    doors: { admit: async () => undefined, expel: () => undefined },
    neverBan: {
      forget: () => undefined,
      approve: () => ({ approved: [], tooMany: [] }),
      disapprove: () => [],
      waiting: () => [],
      comesFrom: () => [],
    },
    audit: new Audit(ledger),
    joinCheck: { holds: () => true },
    opening: await Opening.begin(ledger, 'approve', [], NOW),
    newcomersPerMinute: 10,
    limited: () => undefined,
    ended: () => undefined,
    now: () => now,
  });
  const requests = await Promise.all(
    ['asks', 'gone'].map(async (name) => {
      const { publicHex: key } = await makeIdentity();
      return {
        kind: 'enrol',
        id: key.slice(0, 32),
        at: now,
        to: '',
        key,
        name: name as HostName,
        addresses: [],
      } as const;
    }),
  );
  for (const request of requests) await membership.enrol(request);
  shelf.host('in-the-fleet');
  now += 80_000;
  await membership.enrol(requests[0]!);
  now += 10_000;
  await membership.forgetUnheard();
  assert.deepEqual(
    book.all().map(({ name }) => name),
    ['asks', 'in-the-fleet'],
  );
  const [last] = new Audit(ledger).newest(1);
  assert.deepEqual([last?.what, last?.details], ['forgotten', { pending: 1, names: ['gone'] }]);
});

test('a client that is asked to come later says so, waits as long as it is told, and is enrolled then', async () => {
  // From the sixth on there is room for one in a minute, which is longer than both take to ask on any machine.
  await using fleet = await startFleet({ serverToml: '[enrolment]\nper-minute = 1' });
  await askAsNewcomers(fleet, 6);
  const host = fleet.layHost('second');
  host.launch();
  const { root } = fleet.layHost('third');
  const byHand = new Program('client', ['enrol', '--root', root]);
  await byHand.line(/Not enrolled yet: .*Asking again in 5 s/);
  const told = performance.now();
  await host.line(/Cannot enrol yet.*1 hosts a minute/);
  const { serverConfig } = fleet.server.paths;
  writeFileSync(
    serverConfig,
    readFileSync(serverConfig, 'utf8').replace('[enrolment]\nper-minute = 1', '[enrolment]\nper-minute = 60'),
  );
  assert.match(await fleet.server.says('reload'), /enrolment/);
  assert.equal(await byHand.ended, 0);
  assert.ok(performance.now() - told > 4000);
  assert.equal(byHand.said.at(-1), 'Enrolled as third.');
  await host.line(/^banshare-client ready name=second /);
});
