import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '@banshare/protocol';
import { ackOf } from '../../../../test/fleet/index.ts';
import type { HostBook } from '../../src/fleet/hosts.ts';
import { hurryDrills } from '../../src/fleet/hurry.ts';
import { Freeze } from '../../src/judging/freeze.ts';
import { drillWhereDue, keepDrilling, type DrillingParts } from '../../src/keep-drilling.ts';
import { Audit } from '../../src/ledger/books/audit.ts';
import { lastDrill } from '../../src/ledger/books/last-drill.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { NeverBan } from '../../src/never-ban/never-ban.ts';
import { OwnAddresses } from '../../src/never-ban/server-addresses.ts';
import { Claims } from '../../src/ledger/books/claims.ts';
import { Servers, type ServerOfTest } from '../ledger/servers.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';

const DAY = 86_400;

/** What a server drills with, at the time that the fleet has. */
function partsOf(fleet: Pick<Servers, 'now'>, { ledger, claims, book }: ServerOfTest): DrillingParts {
  return {
    ledger,
    claims,
    book,
    policy: { windowSeconds: 300, defaultDurationSeconds: 3600, maxDurationSeconds: -1 },
    neverBan: new NeverBan(ledger, { addresses: [], fleet: true }, new OwnAddresses(() => [])),
    audit: new Audit(ledger),
    freeze: new Freeze(ledger),
    goneAfterSeconds: 7 * DAY,
    now: () => fleet.now,
    drill: { everySeconds: DAY },
    startedAt: NOW - 600,
  };
}

/** Has a host confirm at a server whatever is published there, as a client does. */
function confirms(
  { ledger, book }: { ledger: Ledger; book: HostBook },
  name: string,
  now: () => number,
): void {
  ledger.onCommitted((events: readonly Event[]) => {
    const { epoch, seq: applied, tail } = ledger.head();
    const host = book.byName(name);
    assert.ok(host && events.length > 0);
    const ack = { ...ackOf({ epoch, applied, tail }), addresses: [], outcomes: [] };
    void book.acknowledge(host, ack, 0, now());
  });
}

test('of two servers one drills by the clock, hears at once of the host of the other, keeps what came of it, and the next is a day later', async () => {
  using fleet = new Servers(['h1']);
  const [a, b] = [await fleet.add('a'), await fleet.add('b')];
  const both = [a, b].map((server) => partsOf(fleet, server));
  for (const server of [a, b])
    hurryDrills({
      ...server,
      faults: { fault: () => assert.fail('it can be written') },
      now: () => fleet.now,
    });
  // The host is at b, whichever drills.
  confirms(b, 'h1', () => fleet.now);
  const began = performance.now();
  const did = await Promise.all(both.map(drillWhereDue));
  assert.deepEqual([did.filter(Boolean).length, performance.now() - began < 4000], [1, true]);
  await Promise.all([a, b].map(({ ledger }) => ledger.catchUp()));
  const last = lastDrill(a.ledger);
  assert.deepEqual(lastDrill(b.ledger), last);
  assert.deepEqual(
    last?.hosts.map(({ host, outcome, seconds }) => [host, outcome, seconds !== null]),
    [['h1', 'applied', true]],
  );
  assert.equal(await a.ledger.countActive(fleet.now), 0);
  const entries = new Audit(a.ledger).newest(9).filter(({ what }) => what === 'drill');
  assert.deepEqual(
    entries.map(({ details }) => details),
    [{ ip: last?.ip, by: 'clock' }],
  );
  fleet.now += DAY - 1;
  assert.deepEqual(await Promise.all(both.map(drillWhereDue)), [false, false]);
  fleet.now += 1;
  assert.equal((await Promise.all(both.map(drillWhereDue))).filter(Boolean).length, 1);
});

test('nobody drills by the clock without every, in the first half minute of a server, or while the fleet is frozen', async () => {
  using fleet = new Servers([]);
  const a = await fleet.add('a');
  const parts = partsOf(fleet, a);
  assert.equal(await drillWhereDue({ ...parts, drill: { everySeconds: undefined } }), false);
  assert.equal(await drillWhereDue({ ...parts, startedAt: NOW - 29 }), false);
  await a.ledger.write(() => parts.freeze.begin(null, NOW));
  assert.equal(await drillWhereDue(parts), false);
  await a.ledger.write(() => parts.freeze.end(NOW));
  assert.equal(await drillWhereDue(parts), true);
  assert.deepEqual(lastDrill(a.ledger)?.hosts, []);
});

test('a server that dies in a drill leaves it to the other after a minute', async () => {
  using fleet = new Servers([]);
  const [a, b] = [await fleet.add('a'), await fleet.add('b')];
  assert.ok(a.claims instanceof Claims && (await a.claims.claim('drill', 60)));
  const parts = partsOf(fleet, b);
  assert.equal(await drillWhereDue(parts), false);
  fleet.now += 60;
  assert.equal(await drillWhereDue(parts), true);
});

test('a server that ends in a drill by the clock closes its ledger beneath it, and that is neither an error nor a fault', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
  using shelf = new LedgerOfTest();
  shelf.host('h1');
  const { ledger, book } = shelf;
  const published = Promise.withResolvers<readonly Event[]>();
  ledger.onCommitted(published.resolve);
  const now = { now: NOW };
  const parts = partsOf(now, { ledger, book, claims: new Claims(ledger, () => NOW) });
  const said: string[] = [];
  const faults = { fault: (_: string, text: string) => void said.push(text), over: () => undefined };
  const owned: (() => unknown)[] = [];
  keepDrilling({ ...parts, faults }, { own: (_, close) => void owned.push(close) });
  t.mock.timers.tick(10_000);
  assert.equal((await published.promise).length, 1, 'the host is waited for');
  for (const close of owned) close();
  ledger.close();
  t.mock.timers.tick(10_000);
  await new Promise(setImmediate);
  assert.deepEqual(said, []);
});
