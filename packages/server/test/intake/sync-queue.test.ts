import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startFleet, type Peer } from '../../../../test/fleet/index.ts';
import { PageTurns } from '../../src/intake/sync-queue.ts';

test('pages are made one in each turn of the loop, oldest first, and a host has at most four waiting', async () => {
  const turns = new PageTurns();
  const made: string[] = [];
  const last = Promise.withResolvers<void>();
  const page = (name: string) => async (): Promise<void> => {
    made.push(name);
    if (name === 'b1') last.resolve();
  };
  const added = ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => turns.add(1, page(name)));
  assert.deepEqual(added, [true, true, true, true, false]);
  assert.equal(turns.add(2, page('b1')), true);
  assert.deepEqual(made, ['a1']);
  await last.promise;
  assert.deepEqual(made, ['a1', 'a2', 'a3', 'a4', 'b1']);
  assert.equal(turns.add(1, page('a6')), true);
});

test('once closed, no page is made that waits for its turn or comes then: the ledger may be closed by that', async () => {
  const turns = new PageTurns();
  const made: string[] = [];
  const page = (name: string) => async (): Promise<void> => void made.push(name);
  for (const name of ['a1', 'a2']) turns.add(1, page(name));
  turns.close();
  assert.equal(turns.add(2, page('b1')), false);
  for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
  assert.deepEqual(made, ['a1']);
});

test('a server that ends while a fleet catches up reads for nobody from a ledger that it has closed', async () => {
  await using fleet = await startFleet();
  const peers: Peer[] = [];
  for (let n = 1; n <= 60; n += 1) peers.push(await fleet.peer(`h${n}`));
  const dealers = peers.map((peer) => peer.dealer());
  const askForPages = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1)
      for (const [index, dealer] of dealers.entries()) {
        const { subject, body, signature } =
          peers[index]?.sealed({ kind: 'sync', limit: 200 }) ?? assert.fail();
        await dealer.send(['', subject, body, signature]);
      }
  };
  await askForPages(1);
  // So all of them are connected, and what they ask for next comes at once.
  await Promise.all(dealers.map((dealer) => dealer.receive()));
  await askForPages(4);
  await Promise.race(dealers.map((dealer) => dealer.receive()));
  assert.equal(await fleet.server.stop(), 0);
  assert.deepEqual(
    fleet.server.said.filter((line) => / (?:warning|error): /.test(line)),
    [],
  );
});
