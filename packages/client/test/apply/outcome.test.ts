import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../src/bans/state.ts';
import { tellEffect } from '../../src/apply/outcome.ts';
import { folder, jail, range, rowOf } from '../make.ts';
import type { Effect } from '../../src/bans/change.ts';

const localJail = jail('sshd');

for (const [what, effect, told] of [
  ['what was simply applied is not told', { outcome: 'applied', localJail }, undefined],
  [
    'a range that no enforcer here can ban is failed for range',
    { outcome: 'failed', reason: 'range', localJail, unfit: ['command'] },
    { outcome: 'failed', reason: 'range' },
  ],
  [
    'a range that only some of the enforcers here can ban is applied, and names the others',
    { outcome: 'applied', localJail, unfit: ['log'] },
    { outcome: 'applied', reason: 'range: not by log' },
  ],
] as const satisfies readonly (readonly [string, Effect, object | undefined])[]) {
  test(`tellEffect(): ${what}`, () => {
    using scratch = folder();
    const state = new State(scratch.path);
    tellEffect(state, rowOf({ ip: range('203.0.113.0/24'), seq: 7 }), effect);
    assert.deepEqual(state.untold(9), told === undefined ? [] : [{ seq: 7, ...told }]);
    state.close();
  });
}
