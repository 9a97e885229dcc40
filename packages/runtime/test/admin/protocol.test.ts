import assert from 'node:assert/strict';
import { mkdirSync, mkdtempDisposableSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { shortSocketPath } from '../../src/admin/protocol.ts';

test('shortSocketPath() leaves a short path as it is', () => {
  assert.equal(shortSocketPath('/run/banshare/server/admin.sock').path, '/run/banshare/server/admin.sock');
});

test('shortSocketPath() makes a long path short, and holds a descriptor only until release', () => {
  using directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-path-'));
  const deep = join(directory.path, 'ü'.repeat(60));
  mkdirSync(deep);
  const before = readdirSync('/proc/self/fd').length;
  const short = shortSocketPath(join(deep, 'admin.sock'));
  assert.match(short.path, /^\/proc\/self\/fd\/\d+\/admin\.sock$/);
  assert.equal(readdirSync('/proc/self/fd').length, before + 1);
  short.release();
  short.release();
  assert.equal(readdirSync('/proc/self/fd').length, before);
});
