import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress } from '../../src/follow/progress.ts';
import { State } from '../../src/bans/state.ts';
import { statusOf } from '../../src/admin/status.ts';
import { folder, ip, NOW, range, rowOf } from '../make.ts';
import { showStatus } from '../../src/cli/show-status.ts';

const server = { current: 'bans.example.org', others: [] };
const spool = { waiting: 0, oldestSeconds: 0, dead: 0 };

for (const [enforcer, bans, isAdvised] of [
  ['fail2ban', 1001, true],
  ['fail2ban', 1000, false],
  ['nftables', 1001, false],
] as const) {
  test(`status ${isAdvised ? 'recommends' : 'does not recommend'} nftables for ${bans} bans by ${enforcer}`, () => {
    using scratch = folder();
    const state = new State(scratch.path);
    state.inTransaction(() => {
      for (let n = 0; n < bans; n += 1)
        state.put(rowOf({ ip: ip(`198.18.${n >> 8}.${n & 255}`), status: 'applied' }), NOW);
    });
    const status = statusOf(
      { kinds: [enforcer], missing: [], ways: [] },
      server,
      state,
      new Progress(),
      spool,
    );
    assert.equal(/enforcer = "nftables"/.test(showStatus(status)), isAdvised);
    state.close();
  });
}

test('status says how many ranges no enforcer of this host can ban', () => {
  using scratch = folder();
  const state = new State(scratch.path);
  const advice = (): string[] =>
    statusOf({ kinds: ['command'], missing: [], ways: [] }, server, state, new Progress(), spool).advice;
  state.put(
    rowOf({ ip: range('198.51.100.0/24'), status: 'applied', reason: { code: 'range', text: 'log' } }),
    NOW,
  );
  assert.deepEqual(advice(), []);
  const why = 'not banned here, since no enforcer of this host can: use nftables or ipset.';
  state.put(rowOf({ ip: range('203.0.113.0/24'), status: 'failed', reason: 'range' }), NOW);
  assert.deepEqual(advice(), [`A range is ${why}`]);
  state.put(rowOf({ ip: range('2001:db8:9::/64'), status: 'failed', reason: 'range' }), NOW);
  assert.deepEqual(advice(), [`2 ranges are ${why}`]);
  state.close();
});
