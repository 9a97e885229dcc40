import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ownedFolder } from './owned-folder.ts';

test('a folder of a test that was killed goes with the next one of its kind, and one of a test that runs stays', () => {
  const prefix = `banshare-owned-${randomBytes(4).toString('hex')}-`;
  const source = `import { ownedFolder } from ${JSON.stringify(join(import.meta.dirname, 'owned-folder.ts'))};
    console.log(ownedFolder(${JSON.stringify(prefix)})); process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
  const left = child.stdout.trim();
  assert.ok(child.signal === 'SIGKILL' && existsSync(left));
  const [head = ''] = basename(left).split(/-\d+-\w+$/);
  // That of the first process of all, which runs.
  const running = join(tmpdir(), `${head}-1-abcdef`);
  mkdirSync(running);
  const own = ownedFolder(prefix);
  try {
    assert.ok(head.startsWith(prefix) && basename(own).startsWith(`${head}-${process.pid}-`));
    assert.deepEqual([left, running, own].map(existsSync), [false, true, true]);
  } finally {
    for (const path of [running, own]) rmSync(path, { recursive: true });
  }
});

const OWN_NUMBERS = ['--pid', '--fork', '--mount-proc'];
const skip =
  spawnSync('unshare', [...OWN_NUMBERS, 'true']).status === 0 ? false : 'needs a PID namespace of its own';

test('who has process numbers of its own removes no folder of those that it does not see', { skip }, () => {
  const prefix = `banshare-owned-${randomBytes(4).toString('hex')}-`;
  const source = `import { ownedFolder } from ${JSON.stringify(join(import.meta.dirname, 'owned-folder.ts'))};
    console.log(ownedFolder(${JSON.stringify(prefix)}));`;
  const own = ownedFolder(prefix);
  const words = [...OWN_NUMBERS, process.execPath, '--input-type=module', '-e', source];
  const theirs = spawnSync('unshare', words, { encoding: 'utf8' }).stdout.trim();
  try {
    assert.deepEqual([own, theirs].map(existsSync), [true, true]);
  } finally {
    for (const path of [own, theirs]) rmSync(path, { recursive: true, force: true });
  }
});
