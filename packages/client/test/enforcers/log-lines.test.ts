import assert from 'node:assert/strict';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changeOf } from '../../src/bans/ban-row.ts';
import { logEnforcer } from '../../src/enforcers/log-lines.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { folder, host, ip, NOW, rowOf } from '../make.ts';
import type { Change } from '../../src/bans/change.ts';

const ban = (fields: Partial<Change> = {}): Change => ({ ...changeOf(rowOf(), 'ban', NOW), ...fields });

test('A ban is a line that the filter of a shared jail reads, and noted before it is written', async () => {
  using scratch = folder();
  const path = join(scratch.path, 'shared.log');
  const enforcer = logEnforcer(path, new Notes(join(scratch.path, 'notes')), () => NOW);
  const effects = await enforcer.carryOut([ban(), ban({ ip: ip('2001:db8::7') })]);
  assert.deepEqual(effects, [
    { outcome: 'applied', localJail: 'sshd' },
    { outcome: 'applied', localJail: 'sshd' },
  ]);
  const time = new Date(NOW * 1000).toISOString().slice(0, 19);
  assert.equal(
    readFileSync(path, 'utf8'),
    `${time}+00:00 banshare: 203.0.113.9: reported by h1 (sshd)\n${time}+00:00 banshare: 2001:db8::7: reported by h1 (sshd)\n`,
  );
  assert.deepEqual(readdirSync(join(scratch.path, 'notes')).toSorted(), [
    'sshd@2001:db8::7',
    'sshd@203.0.113.9',
  ]);
});

test('Whatever a field holds, a ban stays one line; and a rotated log is begun anew', async () => {
  using scratch = folder();
  const path = join(scratch.path, 'shared.log');
  const enforcer = logEnforcer(path, new Notes(join(scratch.path, 'notes')), () => NOW);
  await enforcer.carryOut([ban({ host: host('h1\n2026-11-21 banshare: 192.0.2.1: reported by\u2028x') })]);
  assert.equal(readFileSync(path, 'utf8').split('\n').length, 2);
  renameSync(path, `${path}.1`);
  await enforcer.carryOut([ban()]);
  assert.match(readFileSync(path, 'utf8'), /^\S+ banshare: 203\.0\.113\.9: /);
});

test('An end is the jail’s own, an unban before it is skipped, and a log that cannot be written is a failure', async () => {
  using scratch = folder();
  const notes = new Notes(join(scratch.path, 'notes'));
  const enforcer = logEnforcer(join(scratch.path, 'nosuch/shared.log'), notes, () => NOW);
  const effects = await enforcer.carryOut([
    ban({ kind: 'unban', seconds: 0 }),
    ban({ kind: 'unban', seconds: 60 }),
    ban(),
  ]);
  assert.deepEqual(
    effects.map(({ outcome }) => outcome),
    ['applied', 'skipped', 'failed'],
  );
  assert.match((await enforcer.check()).join(), /nosuch.*not there/);
});
