import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SharedBans } from '../../src/host/shared-bans.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { folder } from '../make.ts';

const DAY = 86_400;

test('what is put in place stands in the file of its day for eight days, also when its note is gone', () => {
  using scratch = folder();
  let now = Date.UTC(2026, 10, 20, 23, 59, 59) / 1000;
  const directory = join(scratch.path, 'shared');
  const notes = new Notes(join(scratch.path, 'run/notes'), new SharedBans(directory, () => now));
  notes.write('sshd', '203.0.113.9');
  notes.remove('sshd', '203.0.113.9');
  now += 1;
  notes.write('sshd', '2001:db8::9');
  assert.equal(readFileSync(join(directory, '2026-11-20'), 'utf8'), `${now - 1} sshd 203.0.113.9\n`);
  assert.equal(readFileSync(join(directory, '2026-11-21'), 'utf8'), `${now} sshd 2001:db8::9\n`);
  void notes.sweep(now + 7 * DAY);
  assert.deepEqual(readdirSync(directory), ['2026-11-20', '2026-11-21']);
  void notes.sweep(now + 8 * DAY);
  assert.deepEqual(readdirSync(directory), ['2026-11-21']);
});

test('a record that cannot be written keeps no ban out', () => {
  using scratch = folder();
  writeFileSync(join(scratch.path, 'file'), '');
  const notes = new Notes(
    join(scratch.path, 'run/notes'),
    new SharedBans(join(scratch.path, 'file'), () => 0),
  );
  assert.equal(notes.write('sshd', '203.0.113.9'), true);
});
