import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FreshBuild, run } from './fresh-build.ts';

const CONFIG = join(import.meta.dirname, '../../installers/packages/rpmlint.toml');
const lacks = (...tools: string[]): string | false => {
  const missing = tools.filter((tool) => run('sh', ['-c', `command -v ${tool} || :`]).out === '');
  return missing.length > 0 && `needs ${missing.join(', ')} (Debian: dpkg lintian rpm rpmlint)`;
};
const skip = lacks('dpkg-deb', 'rpmbuild');
const fresh = new FreshBuild();
before(() => {
  if (skip !== false) return;
  fresh.light('--server=bans.example.org');
  const made = fresh.packages('--arch=x64 arm64');
  assert.equal(made.code, 0, made.err);
});
after(() => {
  fresh[Symbol.dispose]();
});

test(
  'lintian finds no error in the packages, but what is overridden with its reason',
  { skip: skip || lacks('lintian') },
  () => {
    for (const deb of globSync(join(fresh.dist, '*.deb'))) {
      const ran = run('lintian', ['--no-cfg', '--allow-root', '--fail-on', 'error', deb]);
      assert.equal(ran.code, 0, ran.out + ran.err);
    }
  },
);

test(
  'rpmlint finds no error in the packages, but what is filtered with its reason',
  { skip: skip || lacks('rpmlint') },
  () => {
    const ran = run('rpmlint', ['--config', CONFIG, ...globSync(join(fresh.dist, '*.rpm'))]);
    assert.match(ran.out, /packages and 0 specfiles checked; 0 errors/, ran.out + ran.err);
  },
);
