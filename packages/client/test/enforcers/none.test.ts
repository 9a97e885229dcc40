import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { hostPaths, readClientConfig } from '@banshare/runtime';
import { writeFileSync } from 'node:fs';
import { changeOf } from '../../src/bans/ban-row.ts';
import { buildEnforcer } from '../../src/host-enforcer/build.ts';
import { noEnforcer } from '../../src/enforcers/none.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { folder, NOW, rowOf } from '../make.ts';

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

test('The enforcer none shows the command that would run, also where that takes several addresses', async () => {
  using scratch = folder();
  const file = join(scratch.path, 'client.toml');
  writeFileSync(
    file,
    '[apply]\nenforcer = "none"\ncommand = "/usr/bin/fail2ban-client set JAIL banip SRCIPS"\n',
  );
  const read = await readClientConfig(file);
  assert.ok(read.ok);
  const said: unknown[] = [];
  const paths = hostPaths(scratch.path);
  const log = { notice: (...line: unknown[]) => void said.push(line) };
  const enforcer = buildEnforcer(read.config, { paths, log, notes: new Notes(paths.notes) });
  await enforcer.carryOut([changeOf(rowOf(), 'ban', NOW)]);
  const command = '/usr/bin/fail2ban-client set sshd banip 203.0.113.9';
  assert.deepEqual(said, [['Would ban', { ip: '203.0.113.9', jail: 'sshd', command }]]);
});
