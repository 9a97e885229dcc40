import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../../src/bans/ban-row.ts';
import { psadEnforcer } from '../../../src/enforcers/psad/psad.ts';
import { Notes } from '../../../src/host/echo-notes.ts';
import { folder, ip, jail, NOW, rowOf } from '../../make.ts';
import { HandMadePsad } from './hand-made-psad.ts';
import type { Change } from '../../../src/bans/change.ts';

const ban = (address: string, fields: Partial<Change> = {}): Change => ({
  ...changeOf(rowOf({ ip: ip(address), localJail: jail('elsewhere') }), 'ban', NOW),
  ...fields,
});

test('psad is told of several addresses over one connection, and the echo of its script is noted', async () => {
  using scratch = folder();
  await using psad = new HandMadePsad(scratch.path);
  await psad.start();
  const notes = new Notes(join(scratch.path, 'notes'));
  const enforcer = psadEnforcer(psad, notes, 5000);
  const effects = await enforcer.carryOut([
    ban('203.0.113.1'),
    ban('2001:db8::1'),
    ban('203.0.113.2', { kind: 'unban' }),
  ]);
  assert.deepEqual(
    effects.map(({ outcome }) => outcome),
    ['applied', 'skipped', 'applied'],
  );
  assert.equal(await psad.heard(), 'add 203.0.113.1\ndel 203.0.113.2\n');
  // Its script names the jail that README gives it, or that of the ban, whatever jail the ban has on this host.
  assert.deepEqual(readdirSync(join(scratch.path, 'notes')).toSorted(), [
    'portscan@203.0.113.1',
    'sshd@203.0.113.1',
  ]);
  assert.deepEqual(await enforcer.check(), []);
});

test('Whether psad runs is seen without a connection, of which it hears one in each interval', async () => {
  using scratch = folder();
  await using psad = new HandMadePsad(scratch.path);
  const enforcer = psadEnforcer(psad, new Notes(join(scratch.path, 'notes')), 5000);
  assert.equal(await enforcer.isThere(), false);
  await psad.start();
  assert.equal(await enforcer.isThere(), true);
  assert.deepEqual(await enforcer.check(), []);
  await enforcer.carryOut([ban('203.0.113.1')]);
  await psad.heard();
  assert.equal(psad.connections, 1);
  await psad.stop();
  assert.equal(await enforcer.isThere(), false);
});

test('What psad blocks by itself is there already, and it is not told again', async () => {
  using scratch = folder();
  await using psad = new HandMadePsad(scratch.path);
  await psad.start();
  psad.blocks('203.0.113.1', '203.0.113.2');
  const enforcer = psadEnforcer(psad, new Notes(join(scratch.path, 'notes')), 5000);
  const effects = await enforcer.carryOut([ban('203.0.113.1'), ban('203.0.113.3')]);
  assert.deepEqual(
    effects.map(({ outcome }) => outcome),
    ['already', 'applied'],
  );
  assert.equal(await psad.heard(), 'add 203.0.113.3\n');
});

test('Without psad a ban fails, says so and leaves no note', async () => {
  using scratch = folder();
  const psad = new HandMadePsad(scratch.path);
  const enforcer = psadEnforcer(psad, new Notes(join(scratch.path, 'notes')), 5000);
  const [effect] = await enforcer.carryOut([ban('203.0.113.1')]);
  assert.match(effect !== undefined && 'reason' in effect ? effect.reason : '', /psad does not run/);
  assert.match((await enforcer.check()).join(), /Install and start psad, with ENABLE_AUTO_IDS Y/);
  assert.deepEqual(readdirSync(join(scratch.path, 'notes')), []);
});
