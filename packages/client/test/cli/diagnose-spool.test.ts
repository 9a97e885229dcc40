import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { diagnoseSpool } from '../../src/cli/diagnose-spool.ts';
import { folder } from '../make.ts';

const MODULE = join(import.meta.dirname, '../../src/cli/diagnose-spool.ts');
const mayMount = spawnSync('unshare', ['--mount', 'true']).status === 0 ? false : 'it needs root, to mount';

test('A spool that takes reports is nothing to say, and neither is one that is not there; nothing is left in it', () => {
  using scratch = folder();
  const spool = join(scratch.path, 'spool');
  assert.deepEqual(diagnoseSpool(spool), []);
  mkdirSync(spool, { mode: 0o700 });
  assert.deepEqual(diagnoseSpool(spool), []);
  assert.deepEqual(readdirSync(spool), []);
});

test('A spool that is none is said with what to do', () => {
  using scratch = folder();
  const spool = join(scratch.path, 'spool');
  writeFileSync(spool, 'a file in its place');
  const [finding, ...others] = diagnoseSpool(spool);
  assert.deepEqual([finding?.ok, others], [false, []]);
  assert.match(
    finding?.says ?? '',
    /^Reports cannot wait in .*spool, and are lost while no server answers: ENOTDIR\. /,
  );
});

test('A spool on a full disk, or on one that is read-only, is said', { skip: mayMount }, () => {
  using scratch = folder();
  const script = `
    mount -t tmpfs -o size=16k tmpfs "$1" && (dd if=/dev/zero of="$1/fill" bs=1k 2>/dev/null || true)
    look() { "$2" -e 'import(process.argv[1]).then(({ diagnoseSpool: look }) => console.log(look(process.argv[2])[0]?.says))' "$3" "$1"; }
    look "$@" && mount -o remount,ro "$1" && look "$@"; ls -A "$1"`;
  const words = ['--mount', 'sh', '-c', script, 'sh', scratch.path, process.execPath, MODULE];
  const { stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8' });
  const [full, readOnly, ...left] = stdout.trim().split('\n');
  assert.match(full ?? '', /while no server answers: ENOSPC\. Make room on that disk/, stderr);
  assert.match(readOnly ?? '', /while no server answers: EROFS\. .* or have it writable/, stderr);
  assert.deepEqual(left, ['fill']);
});
