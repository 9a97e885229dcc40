import assert from 'node:assert/strict';
import { chmodSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { MOST_IN_A_GO } from '../../src/host/in-parts.ts';
import { Notes } from '../../src/host/echo-notes.ts';
import { folder } from '../make.ts';

test('write() makes an empty private file JAIL@IP, which has() finds and remove() takes away', () => {
  using scratch = folder();
  const directory = join(scratch.path, 'run/notes');
  const notes = new Notes(directory);
  assert.equal(notes.has('sshd', '2001:db8::9'), false);
  assert.equal(notes.write('sshd', '2001:db8::9'), true);
  assert.deepEqual(readdirSync(directory), ['sshd@2001:db8::9']);
  const file = statSync(join(directory, 'sshd@2001:db8::9'));
  assert.equal(file.size, 0);
  assert.equal(file.mode & 0o777, 0o600);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.equal(notes.has('sshd', '2001:db8::9'), true);
  assert.equal(notes.has('nginx', '2001:db8::9'), false);
  notes.remove('sshd', '2001:db8::9');
  notes.remove('sshd', '2001:db8::9');
  assert.deepEqual(readdirSync(directory), []);
});

test('end() takes a note back at once, or once what it is for can have reported', () => {
  using scratch = folder();
  const notes = new Notes(scratch.path);
  const now = Date.now() / 1000;
  const path = (name: string): string => join(scratch.path, `${name}@203.0.113.9`);
  for (const name of ['old', 'fresh']) notes.write(name, '203.0.113.9');
  utimesSync(path('old'), now - 31, now - 31);
  utimesSync(path('fresh'), now - 10, now - 10);
  for (const name of ['old', 'fresh', 'none']) notes.end(name, '203.0.113.9', 30);
  assert.deepEqual(readdirSync(scratch.path), ['fresh@203.0.113.9']);
  const age = now - statSync(path('fresh')).mtimeMs / 1000;
  // Twenty seconds more, and it counts no longer.
  assert.ok(Math.abs(age - 580) < 0.01, String(age));
  // A second end does not keep it longer.
  notes.end('fresh', '203.0.113.9', 30);
  assert.deepEqual(readdirSync(scratch.path), []);
});

test('write() makes an old note young again, and says that it was there', () => {
  using scratch = folder();
  const notes = new Notes(scratch.path);
  notes.write('sshd', '203.0.113.9');
  const path = join(scratch.path, 'sshd@203.0.113.9');
  utimesSync(path, 1000, 1000);
  assert.equal(notes.write('sshd', '203.0.113.9'), false);
  assert.ok(Date.now() / 1000 - statSync(path).mtimeMs / 1000 < 60);
});

test('write() throws where it cannot write, so that the ban is not applied', () => {
  using scratch = folder();
  const notes = new Notes(join(scratch.path, 'notes'));
  chmodSync(scratch.path, 0o700);
  assert.throws(() => notes.write('no/such', '203.0.113.9'), { code: 'ENOENT' });
});

test('sweep() removes what is older than ten minutes, or from a future that a clock jump made', () => {
  using scratch = folder();
  const notes = new Notes(scratch.path);
  const now = Date.now() / 1000;
  for (const [name, age] of [
    ['old', 601],
    ['young', 599],
    ['future', -601],
  ] as const) {
    notes.write(name, '203.0.113.9');
    utimesSync(join(scratch.path, `${name}@203.0.113.9`), now - age, now - age);
  }
  void notes.sweep(now);
  assert.deepEqual(readdirSync(scratch.path), ['young@203.0.113.9']);
});

test('write() and sweep() make the folder again where it was cleared away', () => {
  using scratch = folder();
  const directory = join(scratch.path, 'run/banshare/client/notes');
  const notes = new Notes(directory);
  rmSync(join(scratch.path, 'run'), { recursive: true });
  assert.equal(notes.write('sshd', '203.0.113.9'), true);
  assert.equal(statSync(join(scratch.path, 'run/banshare')).mode & 0o777, 0o755);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  rmSync(join(scratch.path, 'run'), { recursive: true });
  void notes.sweep(0);
  assert.deepEqual(readdirSync(directory), []);
});

test('sweep() of what a burst left behind lets timers and commands in between', async () => {
  using scratch = folder();
  const notes = new Notes(scratch.path);
  const count = 2 * MOST_IN_A_GO + 1;
  for (let n = 0; n < count; n += 1) notes.write('sshd', `2001:db8::${n.toString(16)}`);
  const swept = notes.sweep(0);
  assert.equal(readdirSync(scratch.path).length, count - MOST_IN_A_GO);
  await setImmediate();
  assert.ok(readdirSync(scratch.path).length > 0);
  await swept;
  assert.deepEqual(readdirSync(scratch.path), []);
});
