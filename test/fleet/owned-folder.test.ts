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
  // That of the first process of all, which runs.
  const running = join(tmpdir(), `${prefix}1-abcdef`);
  mkdirSync(running);
  const own = ownedFolder(prefix);
  try {
    assert.ok(basename(own).startsWith(`${prefix}${process.pid}-`));
    assert.deepEqual([left, running, own].map(existsSync), [false, true, true]);
  } finally {
    for (const path of [running, own]) rmSync(path, { recursive: true });
  }
});
