import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { LogTail } from '../../src/follow/log-tail.ts';

function logOfTest(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const log = join(folder, 'fail2ban.log');
  writeFileSync(log, 'old\n');
  return log;
}

function textsOf(tail: LogTail): string[] {
  return tail.lines().map(({ text }) => text);
}

test('lines() loses none that copytruncate copied before they were read', (t) => {
  const log = logOfTest(t);
  const tail = new LogTail(log, undefined);
  appendFileSync(log, 'one\n');
  assert.deepEqual(textsOf(tail), ['one']);
  appendFileSync(log, 'two\n');
  copyFileSync(log, `${log}.1`);
  truncateSync(log, 0);
  appendFileSync(log, 'three, and much longer than all that stood there before\n');
  assert.deepEqual(textsOf(tail), ['two', 'three, and much longer than all that stood there before']);
  tail.close();
});

test('lines() loses none where copytruncate was at work while nobody read, and reads none twice', (t) => {
  const log = logOfTest(t);
  const first = new LogTail(log, undefined);
  appendFileSync(log, 'one\n');
  assert.deepEqual(textsOf(first), ['one']);
  const { bookmarks } = first;
  first.close();
  appendFileSync(log, 'two\n');
  copyFileSync(log, `${log}.1`);
  truncateSync(log, 0);
  appendFileSync(log, 'three\n');
  const second = new LogTail(log, bookmarks);
  assert.equal(second.isBookmarkLost, false);
  const came = second.lines();
  assert.deepEqual(new Set(came.map(({ text }) => text)), new Set(['two', 'three']));
  const keys = came.filter(({ text }) => text === 'two').map(({ key }) => key);
  assert.equal(new Set(keys).size, 1, 'read twice, it is the same line');
  second.close();
});

test('lines() reads a file that was rotated away on, also over a restart, and two rotations at once', (t) => {
  const log = logOfTest(t);
  const first = new LogTail(log, undefined);
  renameSync(log, `${log}.1`);
  writeFileSync(log, '');
  assert.deepEqual(textsOf(first), []);
  appendFileSync(`${log}.1`, 'one\n');
  assert.deepEqual(textsOf(first), ['one']);
  const { bookmarks } = first;
  first.close();
  appendFileSync(`${log}.1`, 'two\n');
  const second = new LogTail(log, bookmarks);
  assert.deepEqual(textsOf(second), ['two']);
  appendFileSync(log, 'three\n');
  appendFileSync(`${log}.1`, 'four\n');
  assert.deepEqual(textsOf(second).sort(), ['four', 'three']);
  renameSync(`${log}.1`, `${log}.3`);
  renameSync(log, `${log}.2`);
  writeFileSync(`${log}.1`, 'five\n');
  writeFileSync(log, 'six\n');
  assert.deepEqual(textsOf(second).sort(), ['five', 'six']);
  second.close();
});

test('lines() gives a line without a time another key when it stands there again after a truncation', (t) => {
  const log = logOfTest(t);
  truncateSync(log, 0);
  const tail = new LogTail(log, undefined);
  appendFileSync(log, 'same\nmore\n');
  const [before] = tail.lines();
  truncateSync(log, 0);
  appendFileSync(log, 'same\n');
  const [after] = tail.lines();
  assert.equal(before?.text, after?.text);
  assert.notEqual(before?.key, after?.key);
  tail.close();
});

test('lines() waits for the end of a line, and drops one that is too long', (t) => {
  const log = logOfTest(t);
  const tail = new LogTail(log, undefined);
  appendFileSync(log, `${'x'.repeat(300_000)}`);
  assert.deepEqual(textsOf(tail), []);
  appendFileSync(log, 'x\nwhole\npart');
  assert.deepEqual(textsOf(tail), ['whole']);
  appendFileSync(log, ' of it\n');
  assert.deepEqual(textsOf(tail), ['part of it']);
  tail.close();
});
