import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepMacKey, readMacKey } from '../../src/index.ts';

const between = { host: 'a'.repeat(64), server: 'k'.repeat(40) };
const key = '0123456789abcdef'.repeat(4);

test('a kept key of MACs is read for its host and its server alone, and never where others may read it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'banshare-mac-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'mac-key');
  assert.equal(readMacKey(path, between), undefined);
  keepMacKey(path, between, key);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readMacKey(path, between), key);
  // After rotation, and at another server.
  assert.equal(readMacKey(path, { ...between, host: 'b'.repeat(64) }), undefined);
  assert.equal(readMacKey(path, { ...between, server: 'l'.repeat(40) }), undefined);
  chmodSync(path, 0o640);
  assert.equal(readMacKey(path, between), undefined);
});

for (const text of [
  '',
  `${between.host} ${between.server}`,
  `${between.host} ${between.server} ${key.slice(1)}`,
]) {
  test(`a file that holds ${text.length} characters and no key is as good as none`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'banshare-mac-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'mac-key');
    writeFileSync(path, text, { mode: 0o600 });
    assert.equal(readMacKey(path, between), undefined);
  });
}
