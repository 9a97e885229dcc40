import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makePrivateDirectory, readPrivate, writeAtomic, writePrivate } from '@banshare/runtime';

function scratch(t: TestContext): string {
  const directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-private-'));
  t.after(() => directory.remove());
  return directory.path;
}
const mode = (path: string) => statSync(path).mode & 0o777;

test('writePrivate() writes a file of mode 0600 that readPrivate() reads, and leaves nothing beside it', (t) => {
  const directory = scratch(t);
  const path = join(directory, 'host.key_secret');
  writePrivate(path, 'old');
  writePrivate(path, 'secret');
  assert.equal(mode(path), 0o600);
  const read = readPrivate(path);
  assert.equal(read.ok && read.value.toString(), 'secret');
  assert.deepEqual(readdirSync(directory), ['host.key_secret']);
});

test('writePrivate() replaces a file of a wider mode by one of 0600', (t) => {
  const path = join(scratch(t), 'x');
  writeFileSync(path, 'old', { mode: 0o644 });
  writePrivate(path, new Uint8Array([1, 2]));
  assert.equal(mode(path), 0o600);
  assert.deepEqual([...readFileSync(path)], [1, 2]);
});

test('writeAtomic() gives the mode that it is told, whatever the umask', (t) => {
  const path = join(scratch(t), 'x');
  const program = `import('@banshare/runtime').then((r) => r.writeAtomic(${JSON.stringify(path)}, 'x', 0o644))`;
  const run = spawnSync('sh', ['-c', `umask 077; exec "$0" -e "$1"`, process.execPath, program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  assert.equal(run.stderr, '');
  assert.equal(mode(path), 0o644);
});

test('writeAtomic() says what it could not write and leaves nothing behind', (t) => {
  const directory = scratch(t);
  mkdirSync(join(directory, 'taken'));
  assert.throws(
    () => writeAtomic(join(directory, 'taken'), 'x', 0o600),
    /^Error: Cannot write .*taken: EISDIR/,
  );
  assert.throws(
    () => writeAtomic(join(directory, 'none/x'), 'x', 0o600),
    /^Error: Cannot write .*none\/x: ENOENT/,
  );
  assert.deepEqual(readdirSync(directory), ['taken']);
});

for (const wide of [0o640, 0o604, 0o644, 0o700]) {
  test(`readPrivate() refuses mode ${wide.toString(8)} and says what it must be`, (t) => {
    const path = join(scratch(t), 'x');
    writeFileSync(path, 'secret');
    chmodSync(path, wide);
    const read = readPrivate(path);
    assert.match(
      read.ok ? '' : read.fault,
      new RegExp(`^Cannot read ${path}: its mode must be 0600, it is 0${wide.toString(8)}; `),
    );
  });
}

test('readPrivate() reads a file that its owner cannot write', (t) => {
  const path = join(scratch(t), 'x');
  writeFileSync(path, 'secret', { mode: 0o400 });
  assert.equal(readPrivate(path).ok, true);
});

test('readPrivate() says that there is no file', (t) => {
  const read = readPrivate(join(scratch(t), 'x'));
  assert.match(read.ok ? '' : read.fault, /^Cannot read .*ENOENT/);
});

test('makePrivateDirectory() closes the last directory only, and leaves one that is there', (t) => {
  const path = join(scratch(t), 'run/banshare/server');
  makePrivateDirectory(path);
  assert.equal(mode(path), 0o700);
  assert.notEqual(mode(join(path, '..')), 0o700);
  chmodSync(path, 0o750);
  makePrivateDirectory(path);
  assert.equal(mode(path), 0o750);
});
