import assert from 'node:assert/strict';
import { test } from 'node:test';
import { banKeyText, type BanKey } from '@banshare/protocol';
import fc from 'fast-check';
import { plan, planRepair, type Placed } from '../../src/bans/plan.ts';
import { ip, jail, prog } from '../make.ts';

type Ban = BanKey & { seq: number };

const ban: fc.Arbitrary<Ban> = fc.record({
  ip: fc.nat(4).map((last) => ip(`203.0.113.${last}`)),
  prog: fc.constantFrom(prog('fail2ban'), prog('psad')),
  jail: fc.constantFrom(jail('sshd'), jail('nginx')),
  seq: fc.nat(9),
});
const bans = fc.uniqueArray(ban, { selector: banKeyText });
const byKey = (list: readonly Ban[]): Map<string, Ban> =>
  new Map(list.map((each) => [banKeyText(each), each]));

test('plan() leads from what this host has to what is wanted', () => {
  fc.assert(
    fc.property(bans, bans, (wanted, have) => {
      const { put, move, drop } = plan(wanted, have);
      const after = byKey(have);
      for (const each of drop) after.delete(banKeyText(each));
      for (const each of [...put, ...move]) after.set(banKeyText(each), each);
      assert.deepEqual(after, new Map([...after.keys()].map((key) => [key, byKey(wanted).get(key)])));
      assert.equal(after.size, wanted.length);
    }),
  );
});

test('plan() puts only what is new, drops only what is not wanted and moves the rest', () => {
  fc.assert(
    fc.property(bans, bans, (wanted, have) => {
      const { put, move, drop } = plan(wanted, have);
      assert.ok(put.every((each) => !byKey(have).has(banKeyText(each))));
      assert.ok(move.every((each) => byKey(have).has(banKeyText(each))));
      assert.ok(drop.every((each) => !byKey(wanted).has(banKeyText(each))));
      assert.equal(put.length + move.length, wanted.length);
      assert.equal(move.length + drop.length, have.length);
    }),
  );
});

test('plan() asks for nothing where both are empty', () => {
  assert.deepEqual(plan([], []), { put: [], move: [], drop: [] });
});

const ends = fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: null });
const placed: fc.Arbitrary<Placed> = fc.record({
  jail: fc.constantFrom('*', 'sshd', 'banshare'),
  ip: fc.nat(4).map((last) => `203.0.113.${last}`),
  until: ends,
});
const nameOf = ({ jail, ip: address }: { jail: string; ip: string }): string => `${jail} ${address}`;
const manyPlaced = fc.uniqueArray(placed, { selector: nameOf });

test('planRepair() leads from what an enforcer has to what is wanted, with its ends', () => {
  fc.assert(
    fc.property(manyPlaced, manyPlaced, fc.nat(10), (wanted, have, tolerance) => {
      const { put, move, drop } = planRepair(wanted, have, tolerance);
      const after = new Map(have.map((each) => [nameOf(each), each.until]));
      for (const each of drop) after.delete(nameOf(each));
      for (const each of [...put, ...move]) after.set(nameOf(each), each.until);
      assert.equal(after.size, wanted.length);
      for (const each of wanted) {
        const until = after.get(nameOf(each));
        if (each.until === null || until === null) assert.equal(until, each.until);
        else assert.ok(until !== undefined && Math.abs(until - each.until) <= tolerance);
      }
      assert.deepEqual(planRepair(wanted, wanted, 0), { put: [], move: [], drop: [] });
    }),
  );
});

test('planRepair() moves no end that the enforcer does not know', () => {
  const wanted = [{ jail: 'sshd', ip: '203.0.113.1', until: 1000 }];
  const have = [{ jail: 'sshd', ip: '203.0.113.1', until: undefined }];
  assert.deepEqual(planRepair(wanted, have, 5), { put: [], move: [], drop: [] });
});
