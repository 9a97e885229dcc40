import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { FreshBuild, run, type Ran } from './fresh-build.ts';

/** Why no packages can be made here. */
export const skip =
  run('sh', ['-c', 'command -v dpkg-deb || :']).out === '' &&
  'packages are made where dpkg-deb is (Debian: dpkg)';
/** Why no .rpm can be made here. */
export const noRpm =
  run('sh', [
    '-c',
    'for each in rpm rpmbuild rpm2cpio cpio; do command -v $each || exit; done >/dev/null; echo all',
  ]).out === '' && '.rpm are made where rpmbuild is (Debian: rpm cpio)';

/** Makes the packages of both architectures, of each kind that can be made here. */
export function makePackages(fresh: FreshBuild): Ran {
  return fresh.packages('--arch=x64 arm64', noRpm === false ? '--kinds=deb rpm' : '--kinds=deb');
}

/** A light build with its packages, for a file's tests. */
export function builtPackages(): FreshBuild {
  const fresh = new FreshBuild();
  before(() => {
    fresh.light('--server=bans.example.org');
    if (skip !== false) return;
    const made = makePackages(fresh);
    assert.equal(made.code, 0, made.err);
  });
  after(() => {
    fresh[Symbol.dispose]();
  });
  return fresh;
}
