import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { State } from '../../src/bans/state.ts';
import { folder, ip, jail, NOW, prog, rowOf } from '../make.ts';

const NONE = '0000000000000000';

test('A receipt counts what should be in place and what is, and leaves out what this host does not want', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const put = (last: number, row: Parameters<typeof rowOf>[0]): void =>
    state.put(rowOf({ ip: ip(`203.0.113.${last}`), ...row }), NOW);
  const { wantedDigest, placedDigest, ...none } = state.receipt();
  assert.deepEqual([wantedDigest, placedDigest], [NONE, NONE]);
  assert.deepEqual(none, { wanted: 0, placed: 0, failed: 0, full: 0, unproven: 0, unfit: 0 });
  put(1, { status: 'applied' });
  put(2, { status: 'already' });
  assert.equal(state.receipt().wantedDigest, state.receipt().placedDigest);
  put(3, { status: 'failed', reason: 'exit code 1' });
  put(4, { status: 'failed', reason: 'range' });
  put(5, { status: 'skipped', reason: 'full' });
  put(6, { status: 'lifting', keptBack: 'full' });
  put(7, { status: 'skipped', reason: 'own' });
  put(8, { status: 'skipped', reason: 'paused' });
  put(9, { status: 'pending' });
  put(10, { status: 'unproven', isOurs: true });
  put(11, { status: 'released' });
  put(12, { status: 'lifting' });
  const { wantedDigest: wanted, placedDigest: placed, ...counts } = state.receipt();
  assert.notEqual(wanted, placed);
  const expected = { wanted: 8, placed: 2, failed: 1, full: 2, unproven: 1, unfit: 1, why: 'exit code 1' };
  assert.deepEqual(counts, expected);
  // 1, 9 and 10.
  assert.equal(state.inPlaceCount(), 3);
  assert.equal(state.hasAll, false);
  state.close();
});

test('A receipt that was kept while rows changed is that of the rows as they stand, also after a change was taken back', () => {
  const statuses = ['pending', 'applied', 'failed', 'skipped', 'lifting', 'released', 'unproven'] as const;
  const step = fc.record({
    last: fc.nat(4),
    status: fc.constantFrom(...statuses),
    reason: fc.constantFrom('', 'full', 'paused', 'range', 'own'),
    isOurs: fc.boolean(),
    isRemoved: fc.boolean(),
    isRead: fc.boolean(),
    isTakenBack: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      using scratch = folder();
      const state = new State(scratch.path);
      state.receipt();
      for (const { last, isRemoved, isRead, isTakenBack, ...fields } of steps) {
        const row = rowOf({ ip: ip(`203.0.113.${last}`), ...fields, keptBack: fields.reason });
        const change = (): void => {
          if (isRemoved) state.remove(row);
          else state.put(row, NOW, isRead ? state.get(row) : undefined);
          if (!isRemoved) assert.deepEqual(state.get(row), row);
          if (isTakenBack) throw new Error('taken back');
        };
        try {
          state.inTransaction(change);
        } catch {
          // As the test wants it.
        }
      }
      const counted = (all: State): object => {
        const { why: _, ...receipt } = all.receipt();
        return { ...receipt, inPlace: all.inPlaceCount(), hasAll: all.hasAll };
      };
      const kept = counted(state);
      state.close();
      const anew = new State(scratch.path);
      const read = counted(anew);
      anew.close();
      assert.deepEqual(kept, read);
    }),
    { numRuns: 40 },
  );
});

test('The digests of a receipt are those that the protocol reckons', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  state.receipt();
  state.put(rowOf({ ip: ip('203.0.113.9'), status: 'applied' }), NOW);
  state.put(
    rowOf({ ip: ip('203.0.113.10'), prog: prog('operator'), jail: jail('banshare'), status: 'applied' }),
    NOW,
  );
  state.put(rowOf({ ip: ip('2001:db8::9') }), NOW);
  const { wantedDigest, placedDigest } = state.receipt();
  assert.deepEqual([wantedDigest, placedDigest], ['9e8186ef923df204', '14ee851581e178fd']);
  state.close();
});
