import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../../test/installers/fresh-build.ts';
import { tar, type Entry } from '../making/tar.ts';

const entries: readonly Entry[] = [
  { name: 'a/empty', mode: 0o600, bytes: Buffer.alloc(0) },
  { name: 'a/full block', mode: 0o755, bytes: Buffer.alloc(512, 1) },
  { name: 'b', mode: 0o640, bytes: Buffer.alloc(70_001, 2) },
];

for (const reader of [['tar'], ['busybox', 'tar']] as const) {
  test(`${reader.join(' ')} unpacks what tar() packs`, (context) => {
    if (run('sh', ['-c', `command -v ${reader[0]}`]).code !== 0) {
      context.skip(`${reader[0]} is not installed`);
      return;
    }
    const folder = mkdtempSync(join(tmpdir(), 'banshare-tar-'));
    try {
      const archive = join(folder, 'archive.tar');
      writeFileSync(archive, tar(entries));
      const [command, ...words] = reader;
      const ran = run(command, [...words, '-xf', archive, '-C', folder]);
      assert.deepEqual(ran, { code: 0, out: '', err: '' });
      for (const { name, mode, bytes } of entries) {
        assert.deepEqual(readFileSync(join(folder, name)), bytes);
        assert.equal(statSync(join(folder, name)).mode & 0o700, mode & 0o700);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test('tar() gives the same bytes whenever it runs', () => {
  assert.deepEqual(tar(entries), tar(entries));
});

test('tar() refuses a name that its header has no room for', () => {
  assert.throws(() => tar([{ name: 'x'.repeat(101), mode: 0o600, bytes: Buffer.alloc(0) }]), /too long/);
});
