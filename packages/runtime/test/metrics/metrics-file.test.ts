import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeMetricsFile } from '@banshare/runtime';

const skip = process.getuid?.() === 0 ? false : 'needs root, which has other users';
const STRANGER = 4242;

test(
  'root writes metrics below a folder of another user as that one, and follows no link that he has laid on the way',
  { skip },
  () => {
    using directory = mkdtempDisposableSync(join(tmpdir(), 'banshare-metrics-'));
    chmodSync(directory.path, 0o755);
    const [theirs, roots] = ['prometheus', 'of-root'].map((name) => join(directory.path, name)) as [
      string,
      string,
    ];
    for (const path of [theirs, roots]) mkdirSync(path);
    chownSync(theirs, STRANGER, STRANGER);
    mkdirSync(join(theirs, 'node-exporter'));
    chownSync(join(theirs, 'node-exporter'), STRANGER, STRANGER);

    const file = join(theirs, 'node-exporter/banshare-server.prom');
    writeMetricsFile(file, []);
    assert.deepEqual([statSync(file).uid, statSync(file).mode & 0o777], [STRANGER, 0o644]);
    assert.equal(readFileSync(file, 'utf8').trim(), '');

    symlinkSync(roots, join(theirs, 'link'));
    lchownSync(join(theirs, 'link'), STRANGER, STRANGER);
    assert.throws(() => writeMetricsFile(join(theirs, 'link/banshare-server.prom'), []), /EACCES/);
    assert.deepEqual(readdirSync(roots), []);
  },
);
