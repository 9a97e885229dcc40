import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ProgramNames } from '../../src/host/program-names.ts';
import { folder } from '../make.ts';

/** The files that this process has open below a process's folder in /proc. */
function openOf(pid: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(`/proc/${pid}/`);
    } catch {
      return false;
    }
  });
}

test('ProgramNames tells of a process what it is at this moment: before it becomes another program, as that one, and once it has ended', async () => {
  using scratch = folder();
  const program = join(scratch.path, 'sshd-of-test');
  symlinkSync('/bin/cat', program);
  const child = spawn('/bin/sh', ['-c', `read line; exec ${program}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const pid = String(child.pid);
  const names = new ProgramNames('/proc', ['sshd-of-test']);
  assert.deepEqual(names.now(), []);
  // The shell becomes cat under another name, which answers.
  child.stdin.write('become\nare you there?\n');
  await once(child.stdout, 'data');
  assert.deepEqual(names.now(), [pid]);
  assert.deepEqual(names.now(), [pid]);
  assert.equal(openOf(pid).length, 1);
  child.stdin.end();
  await once(child, 'exit');
  assert.deepEqual(names.now(), []);
  assert.deepEqual(openOf(pid), []);
});

test('ProgramNames takes no name that only begins like one of its own', async () => {
  using scratch = folder();
  const program = join(scratch.path, 'sshd-of-test2');
  symlinkSync('/bin/cat', program);
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.write('are you there?\n');
  await once(child.stdout, 'data');
  assert.deepEqual(new ProgramNames('/proc', ['sshd-of-test']).now(), []);
  assert.deepEqual(new ProgramNames('/proc', ['sshd-of-test2']).now(), [String(child.pid)]);
  child.stdin.end();
  await once(child, 'exit');
});
