import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempDisposableSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { asOwner, makePrivateDirectory, openPlain, ownerOf, readPlain } from '@banshare/runtime';

const skip = process.getuid?.() === 0 ? false : 'needs root, which has other users';
const STRANGER = 4242;

function scratch(t: TestContext): string {
  const directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-owner-'));
  t.after(() => directory.remove());
  chmodSync(directory.path, 0o755);
  return directory.path;
}

function foldersOf(t: TestContext): { root: string; theirs: string; secret: string } {
  const root = scratch(t);
  const theirs = join(root, 'theirs');
  const secret = join(root, 'secret');
  mkdirSync(join(theirs, 'deep'), { recursive: true });
  chownSync(theirs, STRANGER, STRANGER);
  writeFileSync(secret, 'of root', { mode: 0o600 });
  return { root, theirs, secret };
}

test(
  'a folder below what another user may write is that user’s, whatever he lays on the way',
  { skip },
  (t) => {
    const { root, theirs } = foldersOf(t);
    symlinkSync('/root', join(theirs, 'link'));
    lchownSync(join(theirs, 'link'), STRANGER, STRANGER);
    symlinkSync(theirs, join(root, 'to-theirs'));
    for (const way of [theirs, join(theirs, 'deep'), join(theirs, 'link'), join(root, 'to-theirs', 'absent')])
      assert.equal(ownerOf(way)?.uid, STRANGER, way);
    for (const way of [root, join(root, 'absent'), '/']) assert.equal(ownerOf(way), undefined, way);
  },
);

test('what everybody or a group may write on the way is refused for root, with what to do', { skip }, (t) => {
  const root = scratch(t);
  const open = join(root, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  assert.throws(
    () => ownerOf(join(open, 'x')),
    /more users than root may write .*: ?.*chmod go-w|chmod go-w/,
  );
  chmodSync(open, 0o775);
  assert.equal(ownerOf(open), undefined);
  chownSync(open, 0, STRANGER);
  chmodSync(open, 0o775);
  assert.throws(() => ownerOf(open), /chmod go-w/);
});

test(
  'root works below another user’s folder with his rights alone, and has its own again after',
  { skip },
  (t) => {
    const { theirs, secret } = foldersOf(t);
    const groups = process.getgroups?.();
    symlinkSync(secret, join(theirs, 'loot'));
    assert.throws(() => asOwner(theirs, () => readFileSync(join(theirs, 'loot'))), /EACCES/);
    asOwner(theirs, () => writeFileSync(join(theirs, 'made'), ''));
    assert.equal(statSync(join(theirs, 'made')).uid, STRANGER);
    assert.equal(readFileSync(secret, 'utf8'), 'of root');
    assert.deepEqual([process.geteuid?.(), process.getgroups?.()], [0, groups]);
  },
);

test('a plain file is read, and neither a link nor a FIFO, which would make root wait for ever', (t) => {
  const root = scratch(t);
  writeFileSync(join(root, 'plain'), 'x');
  symlinkSync(join(root, 'plain'), join(root, 'link'));
  spawnSync('mkfifo', [join(root, 'fifo')]);
  assert.equal(readPlain(join(root, 'plain')).toString(), 'x');
  assert.throws(() => openPlain(join(root, 'link')), /ELOOP/);
  assert.throws(() => openPlain(join(root, 'fifo')), /is no plain file/);
});

test('what is made above a private directory may be entered by everyone, whatever the umask', (t) => {
  const root = scratch(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  makePrivateDirectory(join(root, 'run/banshare/client'));
  assert.equal(statSync(join(root, 'run/banshare')).mode & 0o777, 0o755);
  assert.equal(statSync(join(root, 'run/banshare/client')).mode & 0o777, 0o700);
});
