import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BanKey } from '@banshare/protocol';
import fc from 'fast-check';
import { AddressQueue } from '../../src/apply/address-queue.ts';
import { ip, jail, prog } from '../make.ts';

const ban = (last: number, name = 'sshd'): BanKey => ({
  ip: ip(`203.0.113.${last}`),
  prog: prog('fail2ban'),
  jail: jail(name),
});

test('A batch has one ban of each address, and what waits behind it comes when it is done', () => {
  const turns = new AddressQueue();
  for (const each of [ban(1, 'a'), ban(1, 'b'), ban(2, 'a')]) turns.add(each, 'ban');
  const first = turns.take(10);
  assert.deepEqual(first, [ban(1, 'a'), ban(2, 'a')]);
  assert.deepEqual(turns.take(10), []);
  turns.done(first);
  assert.deepEqual(turns.take(10), [ban(1, 'b')]);
});

test('Bans go before what is only to be lifted, which gets its turn all the same', () => {
  const turns = new AddressQueue();
  turns.add(ban(200), 'lift');
  for (let last = 1; last <= 20; last += 1) turns.add(ban(last), 'ban');
  const order: string[] = [];
  for (let batch = turns.take(1); batch.length > 0; batch = turns.take(1)) {
    order.push(...batch.map((each) => each.ip));
    turns.done(batch);
  }
  assert.equal(order.indexOf('203.0.113.200'), 8);
  assert.equal(order.length, 21);
});

test('Of a backlog the newest is banned first, and what a person lifts goes before all of them', () => {
  const turns = new AddressQueue();
  for (let last = 1; last <= 40; last += 1) turns.add(ban(last), 'ban');
  assert.deepEqual(turns.take(1), [ban(40)]);
  turns.add(ban(1, 'other'), 'first');
  turns.add(ban(41), 'ban');
  assert.deepEqual(turns.take(3), [ban(1, 'other')]);
  assert.deepEqual(turns.take(3), [ban(41), ban(39), ban(38)]);
});

test('While bans are held back only lifts get a turn, also of an address that waits to be banned', () => {
  const turns = new AddressQueue();
  turns.areBansHeld = true;
  turns.add(ban(1, 'a'), 'ban');
  turns.add(ban(1, 'b'), 'lift');
  turns.add(ban(2), 'lift');
  const taken = [turns.take(1), turns.take(1), turns.take(1)];
  assert.deepEqual(taken, [[ban(2)], [ban(1, 'b')], []]);
  for (const batch of taken) turns.done(batch);
  assert.ok(turns.isEmpty);
  turns.areBansHeld = false;
  assert.ok(!turns.isEmpty);
  assert.deepEqual(turns.take(9), [ban(1, 'a')]);
});

test('Whatever is added and done in whatever order, all is taken once, each address in its order', () => {
  const step = fc.oneof(
    fc.record({ last: fc.nat(3), isLift: fc.boolean() }),
    fc.record({ most: fc.integer({ min: 1, max: 3 }) }),
    fc.constant('done' as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const turns = new AddressQueue();
      const added: BanKey[] = [];
      const taken: BanKey[] = [];
      const running: BanKey[][] = [];
      const takeSome = (most: number): number => {
        const batch = turns.take(most);
        assert.ok(batch.length <= most);
        for (const each of batch) assert.ok(!running.flat().some((other) => other.ip === each.ip));
        if (batch.length > 0) running.push(batch);
        taken.push(...batch);
        return batch.length;
      };
      for (const each of steps) {
        if (each === 'done') turns.done(running.shift() ?? []);
        else if ('most' in each) takeSome(each.most);
        else {
          const next = ban(each.last, `j${added.length}`);
          added.push(next);
          turns.add(next, each.isLift ? 'lift' : 'ban');
        }
      }
      do for (const batch of running.splice(0)) turns.done(batch);
      while (takeSome(2) > 0);
      assert.ok(turns.isEmpty);
      for (const last of [0, 1, 2, 3]) {
        const of = (list: BanKey[]): BanKey[] => list.filter((each) => each.ip === ban(last).ip);
        assert.deepEqual(of(taken), of(added));
      }
    }),
  );
});
