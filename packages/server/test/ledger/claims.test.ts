import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPEN_SECONDS, Opening } from '../../src/fleet/opening.ts';
import { Claims } from '../../src/ledger/books/claims.ts';
import { LedgerOfTest, NOW } from '../ledger-of-test.ts';
import { Servers } from './servers.ts';

test('one of several servers has a chore, also where all ask at once; another takes it over once the time is up', async () => {
  using fleet = new Servers();
  const [a, b] = [await fleet.add('a'), await fleet.add('b')];
  const both = await Promise.all([a, b].map(({ claims }) => claims.claim('drill', 60)));
  assert.equal(both.filter(Boolean).length, 1);
  const [winner, loser] = both[0] === true ? [a, b] : [b, a];
  assert.deepEqual(
    [await loser.claims.claim('drill', 60), await loser.claims.claim('messages', 60)],
    [false, true],
  );
  fleet.now += 59;
  assert.equal(await loser.claims.claim('drill', 60), false);
  fleet.now += 1;
  assert.equal(await loser.claims.claim('drill', 60), true);
  assert.equal(await winner.claims.claim('drill', 60), false);
});

test('a server that has a chore keeps it by asking again, and writes only once half of the time is over', async () => {
  using fleet = new Servers();
  const [a, b] = [await fleet.add('a'), await fleet.add('b')];
  assert.equal(await a.claims.claim('sweep', 60), true);
  const entries = fleet.log.entries.length;
  fleet.now += 30;
  assert.equal(await a.claims.claim('sweep', 60), true);
  assert.equal(fleet.log.entries.length, entries);
  fleet.now += 29;
  assert.equal(await a.claims.claim('sweep', 60), true);
  assert.equal(fleet.log.entries.length, entries + 1);
  fleet.now += 59;
  assert.equal(await b.claims.claim('sweep', 60), false);
});

test('a server alone has every chore and writes nothing for it; while the log is away nobody has one', async () => {
  using shelf = new LedgerOfTest();
  const alone = new Claims(shelf.ledger, () => NOW);
  assert.equal(await alone.claim('drill', 60), true);
  assert.equal(await shelf.ledger.write(() => alone.take('messages', 60)), true);
  assert.deepEqual(shelf.ledger.sql('SELECT * FROM claims').all(), []);
  using fleet = new Servers();
  const { claims } = await fleet.add('a');
  fleet.log.next = 'away';
  await assert.rejects(claims.claim('drill', 60), /the database is away/);
  assert.equal(await claims.claim('drill', 60), true);
});

test('a server that cannot do a chore leaves it to another, and takes nothing from one that has it', async () => {
  using fleet = new Servers();
  const [a, b] = [await fleet.add('a'), await fleet.add('b')];
  assert.equal(await a.claims.claim('snapshot', 60), true);
  await b.claims.release('snapshot');
  assert.equal(await b.claims.claim('snapshot', 60), false);
  await a.claims.release('snapshot');
  assert.deepEqual(
    [await b.claims.claim('snapshot', 60), await a.claims.claim('snapshot', 60)],
    [true, false],
  );
});

test('a claim stands and falls with the deed in whose piece it is taken', async () => {
  using fleet = new Servers();
  const { ledger, claims } = await fleet.add('a');
  const deed = ledger.write(() => {
    claims.take('drill', 60);
    throw new Error('it did not come to it');
  });
  await assert.rejects(deed, /did not come to it/);
  const b = await fleet.add('b');
  assert.equal(await b.claims.claim('drill', 60), true);
});

test('of several servers that see that enrolment has ended one notes it, once, also after a restart', async () => {
  using fleet = new Servers();
  const [a, b] = [await fleet.add('a'), await fleet.add('b')];
  const openings = await Promise.all(
    [a, b].map(async ({ ledger }) => ({
      ledger,
      opening: await Opening.begin(ledger, 'open', [{ name: 'g1', curve: { publicKey: 'g1' } }], NOW),
    })),
  );
  const note = (): Promise<boolean[]> =>
    Promise.all(openings.map(({ ledger, opening }) => ledger.write(() => opening.noteEnd(fleet.now))));
  assert.deepEqual(await note(), [false, false]);
  fleet.now += OPEN_SECONDS;
  assert.equal((await note()).filter(Boolean).length, 1);
  assert.deepEqual(await note(), [false, false]);
  const first = openings[0];
  await first?.ledger.write(() => first.opening.say('open', fleet.now + 60));
  await b.ledger.catchUp();
  assert.deepEqual(await note(), [false, false]);
  fleet.now += 60;
  assert.equal((await note()).filter(Boolean).length, 1);
});
