import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf } from '../../src/ban-row.ts';
import { noEnforcer } from '../../src/enforcers/none.ts';
import { NOW, rowOf } from '../make.ts';

test('The enforcer none says what would be done, and does nothing', async () => {
  const said: unknown[] = [];
  const enforcer = noEnforcer(
    { notice: (...line) => said.push(line) },
    ({ kind, localJail }) => `${kind} ${localJail}`,
  );
  const [effect] = await enforcer.carryOut([changeOf(rowOf(), 'ban', NOW)]);
  assert.deepEqual(effect, { outcome: 'skipped', reason: 'enforcer is none', localJail: 'sshd' });
  await enforcer.carryOut([changeOf(rowOf(), 'unban', NOW)]);
  assert.deepEqual(said, [
    ['Would ban', { ip: '203.0.113.9', jail: 'sshd', command: 'ban sshd' }],
    ['Would unban', { ip: '203.0.113.9', jail: 'sshd', command: 'unban sshd' }],
  ]);
});
